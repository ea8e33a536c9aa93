/** A value, the promise of one, or a function that gives either and is asked each time. */
export type Supplier<T> = T | Promise<T> | (() => T | Promise<T>)

/** What a supplier gives now. */
export const supplied = <T extends string | object | undefined>(supplier: Supplier<T>): T | Promise<T> =>
  typeof supplier === "function" ? (supplier as () => T | Promise<T>)() : supplier
