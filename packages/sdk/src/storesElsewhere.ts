/**
 * Stands for the stores where there can be none, in a browser or a worker (package.json, `imports`): whoever bundles for those finds
 * nothing of Node, and whoever asks for a store there hears of it when this is loaded.
 */
export const StoreAddress = undefined

throw new Error("Stores in this process need Node; from here, a server can be asked: createClient({ baseUrl, token })")
