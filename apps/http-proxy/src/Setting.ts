/** How settings are read: from a flag, or else from a variable, and explained alike where they do not do. */
import type { UpstreamSettings } from "@webflow-users/stores"
import { Config, Option } from "effect"
import { Flag } from "effect/cli"

/** A setting that is read as text, so that what does not do is explained alike from the flag and from the variable. */
export const setting = <A>(
  { variable, description, expected, standard, parse }: UpstreamSettings.Setting<A>,
  name: string,
  otherwise?: A,
) =>
  Flag.String(name).pipe(
    Flag.withDescription(`${description}. ${variable}, default ${standard}`),
    Flag.withFallbackConfig(Config.String(variable)),
    Flag.filterMap(parse, () => `${expected} (--${name} or ${variable})`),
    Flag.optional,
    Flag.map((given): A | undefined => Option.getOrElse(given, () => otherwise)),
  )

/** Yes or no. */
export const switchOf = (name: string, variable: string, standard: boolean, description: string) =>
  Flag.Boolean(name).pipe(
    Flag.withDescription(`${description}. ${variable}, default ${standard}`),
    // The variable is read as text, so that what is neither is explained in our words.
    Flag.withFallbackConfig(Config.String(variable)),
    Flag.withDefault(standard),
    Flag.filterMap(
      (given) => {
        if (/^(true|yes|on|1)$/i.test(String(given))) return Option.some(true)
        return /^(false|no|off|0)$/i.test(String(given)) ? Option.some(false) : Option.none()
      },
      () => `true or false (--${name} or ${variable})`,
    ),
  )

/** Of what there can be only so much at once. Read as text, as the port is. */
export const atMost = (name: string, variable: string, what: string, standard: number) =>
  Flag.String(name).pipe(
    Flag.withMetavar("integer"),
    Flag.withDescription(`The most ${what}. ${variable}, default ${standard}`),
    Flag.withFallbackConfig(Config.String(variable)),
    Flag.withDefault(String(standard)),
    Flag.filterMap(
      (text) => (/^[1-9]\d{0,6}$/.test(text) ? Option.some(Number(text)) : Option.none()),
      () => `a whole number from 1 to 9999999 (--${name} or ${variable})`,
    ),
  )

/** A port. Read as text, so that a number that is none is explained alike from the flag and from the variable. */
export const port = (name: string, variable: string, description: string) =>
  Flag.String(name).pipe(
    Flag.withMetavar("integer"),
    Flag.withDescription(description),
    Flag.withFallbackConfig(Config.String(variable)),
    Flag.filterMap(
      (text) => (/^\d{1,5}$/.test(text) && Number(text) <= 65_535 ? Option.some(Number(text)) : Option.none()),
      () => `a whole number from 0 to 65535 (--${name} or ${variable})`,
    ),
  )

/** An address to listen on. To node:net an empty one is every address of the machine, which nobody means by saying nothing. */
export const host = (name: string, variable: string, description: string) =>
  Flag.String(name).pipe(
    Flag.withDescription(description),
    Flag.withFallbackConfig(Config.String(variable)),
    Flag.withDefault("127.0.0.1"),
    Flag.filter(
      (given) => given.trim() !== "",
      () => `an address, such as 127.0.0.1, or 0.0.0.0 for all of them (--${name} or ${variable})`,
    ),
  )
