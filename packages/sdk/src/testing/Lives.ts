/** What a server for tests answers with between two resets. */
import { type Context, Effect, Exit, Scope } from "effect"

/** One such time: what there is in it, and how many ask it. */
interface Life<R> {
  readonly context: Context.Context<R>
  readonly scope: Scope.Closeable
  asking: number
}

/** Runs something in the present life, which ends no earlier. */
export type Within<R> = <A, E, R2>(effect: Effect.Effect<A, E, R2>) => Effect.Effect<A, E, Exclude<R2, R>>

export interface Lives<R> {
  /** Whatever is begun with this stays in the life that is the present one now. */
  readonly present: () => { readonly within: Within<R>; readonly isPresent: () => boolean }
  /** Begins a new life. The one before ends with the last that it is asked, so that nothing of it is kept. */
  readonly renew: Effect.Effect<void, unknown>
}

/** Begins the first life. All of them end with the scope. */
export const make = Effect.fnUntraced(function* <R, E>(
  scope: Scope.Scope,
  build: (of: Scope.Scope) => Effect.Effect<Context.Context<R>, E>,
) {
  const begin = Effect.gen(function* () {
    const own = yield* Scope.fork(scope)
    const context = yield* Effect.onError(build(own), () => Scope.close(own, Exit.void))
    return { context, scope: own, asking: 0 } satisfies Life<R>
  })
  let current: Life<R> = yield* begin

  const endIfOver = (life: Life<R>) =>
    Effect.suspend(() => (life !== current && life.asking === 0 ? Scope.close(life.scope, Exit.void) : Effect.void))
  const lives: Lives<R> = {
    present: () => {
      const life = current
      return {
        within: (effect) =>
          Effect.suspend(() => {
            life.asking += 1
            return Effect.ensuring(
              Effect.provideContext(effect, life.context),
              Effect.suspend(() => {
                life.asking -= 1
                return endIfOver(life)
              }),
            )
          }),
        isPresent: () => life === current,
      }
    },
    renew: Effect.gen(function* () {
      const before = current
      current = yield* begin
      yield* endIfOver(before)
    }),
  }
  return lives
})
