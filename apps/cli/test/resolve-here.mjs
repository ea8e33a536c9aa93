/** Loaded before a program: every name of a host is this machine. */
import dns from "node:dns"

const address = "127.0.0.1"

Object.assign(dns, {
  /**
   * @param {string} _name
   * @param {import("node:dns").LookupOptions} options
   * @param {(error: null, address: unknown, family?: number) => void} done
   */
  lookup: (_name, options, done) => {
    if (options.all === true) done(null, [{ address, family: 4 }])
    else done(null, address, 4)
  },
})
