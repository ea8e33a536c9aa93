/** What `forwarding.bench.ts` sends, and what is answered to it: the examples that Webflow documented. */

export const path = "/v2/sites/580e63e98c9a982ac9b8b741/users/6287ec36a841b25637c663df"

export const update = JSON.stringify({
  data: { name: "Some One", "accept-privacy": false, "accept-communications": false },
  accessGroups: ["webflowers"],
})

export const user = JSON.stringify({
  id: "6287ec36a841b25637c663df",
  isEmailVerified: true,
  lastUpdated: "2022-05-20T13:46:12.093Z",
  invitedOn: "2022-05-20T13:46:12.093Z",
  createdOn: "2022-05-20T13:46:12.093Z",
  lastLogin: "2022-05-20T13:46:12.093Z",
  status: "verified",
  accessGroups: [{ slug: "webflowers", type: "admin" }],
  data: {
    name: "Arthur Dent",
    email: "arthur.dent@mostlyharmless.com",
    "accept-privacy": true,
    "accept-communications": true,
    favoriteDrink: "Tea",
    currentPlanet: "Somewhere in the vicinity of Betelgeuse",
  },
})
