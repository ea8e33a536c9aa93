/** Many at a time for speed, and one at a time when it fails. */
import fc from "fast-check"

/** `size` of one kind. A batch that fails is narrowed down to the one that fails alone, and that one is shrunk. */
export const batchOf = <T>(one: fc.Arbitrary<T>, size: number): fc.Arbitrary<ReadonlyArray<T>> => new Batch(one, size)

class Batch<T> extends fc.Arbitrary<ReadonlyArray<T>> {
  readonly #one: fc.Arbitrary<T>
  readonly #size: number

  constructor(one: fc.Arbitrary<T>, size: number) {
    super()
    this.#one = one
    this.#size = size
  }

  override generate(random: fc.Random, biasFactor: number | undefined) {
    return together(Array.from({ length: this.#size }, () => this.#one.generate(random, biasFactor)))
  }

  override canShrinkWithoutContext(_: unknown): _ is ReadonlyArray<T> {
    return false
  }

  override shrink(_: ReadonlyArray<T>, context: unknown): fc.Stream<fc.Value<ReadonlyArray<T>>> {
    const values = context as ReadonlyArray<fc.Value<T>>
    const [first] = values
    if (first === undefined) return fc.Stream.nil()
    if (values.length === 1) {
      // oxlint-disable-next-line no-underscore-dangle -- fast-check's name for a value before it is cloned
      return this.#one.shrink(first.value_, first.context).map((smaller) => together([smaller]))
    }
    // Alone, and where it takes several, in ever smaller company.
    const half = Math.ceil(values.length / 2)
    return fc.Stream.of(...values.map((value) => [value]), values.slice(0, half), values.slice(half)).map(together)
  }
}

const together = <T>(values: ReadonlyArray<fc.Value<T>>): fc.Value<ReadonlyArray<T>> =>
  new fc.Value(
    values.map((value) => value.value),
    values,
  )
