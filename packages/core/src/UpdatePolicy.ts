/**
 * The decisions about an update that no source settles [ours]: each has the value this project chose, and another for
 * whoever knows better. See also `SiteDeclaration`, which decides about unknown groups and fields, a site at a time.
 */
import { Context } from "effect"

/** How an update is judged where Webflow left no answer. */
export interface UpdatePolicy {
  /**
   * An e-mail address or a password in an update, which can change neither: `refuse` it with 400 where it differs from
   * what is stored, or `ignore` it and do the rest.
   */
  readonly emailAndPassword: "refuse" | "ignore"
  /**
   * What a complete new set of groups does to those of type `ecommerce`: `keep` them whatever the set says, or `replace`
   * them too, so that one which is not named is left. Neither way can an update add one.
   */
  readonly ecommerceGroups: "keep" | "replace"
}

/** A decision as a setting: its variable, what it can be, beginning with what this project chose, and what it is about. */
const setting = <const Values extends readonly [string, ...ReadonlyArray<string>]>(
  variable: string,
  values: Values,
  description: string,
) => ({
  variable,
  values,
  description,
  standard: values[0] as Values[0],
})

/** The same decisions as settings of a program: variable, what can be chosen, and what it is about. */
export const settings = {
  emailAndPassword: setting(
    "WEBFLOW_USERS_EMAIL_AND_PASSWORD",
    ["refuse", "ignore"],
    "An e-mail address or a password in an update, which can change neither",
  ),
  ecommerceGroups: setting(
    "WEBFLOW_USERS_ECOMMERCE_GROUPS",
    ["keep", "replace"],
    "What a complete new set of access groups does to those of type ecommerce",
  ),
}

/** What this project chose. */
export const standard: UpdatePolicy = {
  emailAndPassword: settings.emailAndPassword.standard,
  ecommerceGroups: settings.ecommerceGroups.standard,
}

/** What was decided otherwise, and of the rest what this project chose. One that is `undefined` is not decided. */
export const of = ({
  emailAndPassword,
  ecommerceGroups,
}: Partial<{ [K in keyof UpdatePolicy]: UpdatePolicy[K] | undefined }> = {}): UpdatePolicy => ({
  emailAndPassword: emailAndPassword ?? standard.emailAndPassword,
  ecommerceGroups: ecommerceGroups ?? standard.ecommerceGroups,
})

/** The decisions in force. A runtime that was told otherwise provides them. */
export const Current = Context.Reference<UpdatePolicy>("@webflow-users/core/UpdatePolicy", {
  defaultValue: () => standard,
})
