/** One update over HTTP, and what can come of it. */
import { createClient, isInvalidPatch, isUpdateUserError, isUserNotFound } from "@webflow-users/sdk"

const siteId = "580e63e98c9a982ac9b8b741"
const userId = process.argv[2] ?? "6287ec36a841b25637c663df"

const client = createClient({
  baseUrl: process.env.WEBFLOW_USERS_STORE ?? "http://127.0.0.1:8787/v2",
  token: process.env.WEBFLOW_USERS_TOKEN ?? "",
})

try {
  const user = await client.users.update(siteId, userId, {
    data: { name: "Ada Lovelace", "accept-communications": true, company: "Analytical Engines" },
    accessGroups: ["webflowers", "platinum"],
  })
  console.log("updated", user.data.name, user.accessGroups.map(({ slug }) => slug).join())
} catch (error) {
  if (isUserNotFound(error)) console.log("There is no such user")
  // Each entry names the part of the request and says what is wrong with it.
  else if (isInvalidPatch(error)) console.log("Refused", error.details)
  else if (isUpdateUserError(error) && error.isRetryable) console.log("Try again later:", error.message)
  else throw error
} finally {
  await client.close()
}
