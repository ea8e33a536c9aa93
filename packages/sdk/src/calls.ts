/** What a call gives: a promise that can also tell of the answer, and for lists all pages. */
import { ListQuery } from "@webflow-users/core/wire"
import type { CallResponse } from "./response.ts"

/** What came of a call, with the answer it was read from. */
export interface WithResponse<A, Response = CallResponse | undefined> {
  readonly data: A
  /** Where the store is in this process, there is none. */
  readonly response: Response
}

/** A call under way. */
export interface Call<A, Response = CallResponse | undefined> extends Promise<A> {
  /** The same call, with the answer beside what came of it. */
  readonly withResponse: () => Promise<WithResponse<A, Response>>
}

/** A call for a part of a list. Awaited it gives that part; iterated, it gives all parts from there to the end. */
export interface ListCall<Page, Item, Response = CallResponse | undefined>
  extends Call<Page, Response>, AsyncIterable<Page> {
  /** The entries of all parts one by one, each once. */
  readonly items: () => AsyncIterable<Item>
}

/** How a list is asked for, and what is in a part of it. */
export interface Listing<Page, Item, Response> {
  readonly ask: (offset: number, limit: number) => Call<Page, Response>
  readonly entries: (page: Page) => ReadonlyArray<Item>
  readonly offset: number | undefined
  readonly limit: number | undefined
}

/** A list, asked for in the next moment: until then it may be iterated, and then comes in large parts. */
export const listCall = <Page extends { readonly total: number }, Item extends { readonly id: string }, Response>(
  { ask, entries, offset = 0, limit }: Listing<Page, Item, Response>,
  begins: (beginning: Promise<unknown>) => void,
): ListCall<Page, Item, Response> => {
  let first: Call<Page, Response> | undefined
  const begin = (standard: number) => (first ??= ask(offset, limit ?? standard))
  const begun = Promise.resolve().then(() => ({ call: begin(ListQuery.defaultLimit) }))
  const whole = begun.then(({ call }) => call)
  begins(begun)

  /** Begins when it is asked for, however late it is iterated. */
  const pages = () => {
    // Whoever iterates hears of a failure there.
    whole.catch(() => undefined)
    const beginning = begin(ListQuery.maxLimit)
    beginning.catch(() => undefined)
    return from(beginning)
  }
  async function* from(beginning: Call<Page, Response>): AsyncGenerator<Page, void, undefined> {
    let page = await beginning
    for (let next = offset; ;) {
      const count = entries(page).length
      if (count === 0) return
      yield page
      // Not what the answer says it begins at: a server that knows no offset would be asked without end.
      next += count
      if (next >= page.total) return
      page = await ask(next, limit ?? ListQuery.maxLimit)
    }
  }
  const items = () => each(pages())
  async function* each(all: AsyncIterable<Page>): AsyncGenerator<Item, void, undefined> {
    // What moved in the list meanwhile may come again.
    const seen = new Set<string>()
    for await (const page of all) {
      for (const item of entries(page)) {
        if (seen.has(item.id)) continue
        seen.add(item.id)
        yield item
      }
    }
  }
  return Object.assign(whole, {
    withResponse: () => {
      whole.catch(() => undefined)
      return begun.then(({ call }) => call.withResponse())
    },
    items,
    [Symbol.asyncIterator]: pages,
  })
}
