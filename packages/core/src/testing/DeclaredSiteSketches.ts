/** The rows of `UpdateUserCases` on a site that declares what it has. */
import type { SiteDeclaration } from "../SiteDeclaration.ts"
import { admin, bought, refused, type Sketch } from "./UpdateUserSketches.ts"

/** What the site declares. Its users have a field, and are in a group, that it does not. */
export const declaration: SiteDeclaration = {
  accessGroups: [
    { slug: "webflowers", name: "Web Flowers" },
    { slug: "platinum", name: "Platinum" },
  ],
  fields: [
    { slug: "motto", type: "PlainText", minLength: 2, maxLength: 10 },
    { slug: "contact", type: "Email" },
    { slug: "website", type: "Link" },
    { slug: "age", type: "Number", minimum: 0, maximum: 150, isInteger: true },
    {
      slug: "color",
      type: "Option",
      options: [
        { id: "64a", name: "Red", slug: "red" },
        { name: "Blue", slug: "blue" },
      ],
    },
    { slug: "vip", type: "Switch", isRequired: true },
    { slug: "avatar", type: "File" },
  ],
}

const red = { id: "64a", name: "Red", slug: "red" }

const sketches: ReadonlyArray<Sketch> = [
  {
    name: "values of every declared type",
    body: () => ({
      data: {
        motto: "Don't pa",
        contact: "ada@example.com",
        website: "https://example.com/ada",
        age: 42,
        color: red,
        vip: true,
        avatar: "https://example.com/ada.png",
      },
      accessGroups: ["platinum"],
    }),
    expected: {
      accessGroups: [admin("platinum"), bought("course")],
      data: (data) => ({
        ...data,
        motto: "Don't pa",
        contact: "ada@example.com",
        website: "https://example.com/ada",
        age: 42,
        color: red,
        vip: true,
        avatar: "https://example.com/ada.png",
      }),
    },
  },
  {
    name: "an option by its slug",
    body: () => ({ data: { color: "blue" } }),
    expected: { data: (data) => ({ ...data, color: { id: "blue", name: "Blue", slug: "blue" } }) },
  },
  {
    name: "what every user has, and what this one has had before",
    body: ({ data, accessGroups }) => ({ data: { ...data, name: "Some One" }, accessGroups }),
    expected: { data: (data) => ({ ...data, name: "Some One" }) },
  },
  {
    name: "taking away a field that is not declared",
    body: () => ({ data: { drink: null, motto: null } }),
    expected: { data: ({ drink: _, ...data }) => data },
  },
  {
    name: "unknown groups and fields, and every wrong value, in one answer",
    body: () => ({
      other: 1,
      accessGroups: ["webflowers", "gold", "diamond"],
      data: {
        name: 5,
        drink: "Coffee",
        shoe: null,
        motto: "x",
        contact: "nobody",
        website: "javascript:alert(1)",
        age: "42",
        color: "green",
        vip: null,
        avatar: 7,
      },
    }),
    expected: refused(
      "other",
      "data.name",
      "accessGroups",
      "accessGroups",
      ...["drink", "shoe", "motto", "contact", "website", "age", "color", "vip", "avatar"].map((key) => `data.${key}`),
    ),
  },
  {
    name: "values beyond the declared limits",
    body: () => ({ data: { motto: "Don't panic", age: 151, color: { ...red, name: "Rot" }, vip: "true" } }),
    expected: refused("data.motto", "data.age", "data.color", "data.vip"),
  },
  {
    name: "a number that is not whole",
    body: () => ({ data: { age: 1.5 } }),
    expected: refused("data.age"),
  },
]

export const declared = sketches.map((sketch) => ({ ...sketch, name: `${sketch.name}, on a declared site` }))
