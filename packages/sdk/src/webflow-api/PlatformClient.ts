/** The client of `webflow-api` 3.1, on a platform. */
import type { Platform } from "../platform.ts"
import { AccessGroups } from "./AccessGroups.ts"
import { type Call, calling, type Options } from "./Connection.ts"
import { Users } from "./Users.ts"

/** What every entry's `WebflowClient` is. */
export class PlatformClient {
  readonly #call: Call
  #users: Users | undefined
  #accessGroups: AccessGroups | undefined

  constructor(options: Options, platform: Platform) {
    this.#call = calling(options, platform)
  }

  get users(): Users {
    return (this.#users ??= new Users(this.#call))
  }

  get accessGroups(): AccessGroups {
    return (this.#accessGroups ??= new AccessGroups(this.#call))
  }
}
