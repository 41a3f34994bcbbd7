/** The views of the page, in the order of the navigation; another one is a line here and a file. */
import { html } from "../vendor/lit/index.js";
import { texts } from "../texts.js";
import "./audit.js";
import "./classify.js";
import "./search.js";
import "./sets.js";
import "./image.js";
import "./collection.js";
import "./compare.js";
import "./duplicates.js";
import "./make.js";
import "./map.js";

/** @import { Session } from "../session.js" */

/**
 * @typedef {{
 *   name: string,
 *   label: string,
 *   path: string,
 *   listed: boolean,
 *   kept: boolean,
 *   within?: string,
 *   title: (session: Session) => string,
 *   show: (session: Session, isNow: boolean) => unknown,
 * }} View `listed` in the navigation, or `within` one that is; `kept` in the document while another
 *   one is shown, so that coming back to it finds it as it was
 */

/** @type {View[]} */
export const VIEWS = [
  {
    name: "search",
    label: texts.views.search,
    path: "/",
    listed: true,
    kept: true,
    title: (session) => session.answer?.query?.title ?? "",
    show: (session) => html`<vitrail-search .session=${session}></vitrail-search>`,
  },
  {
    name: "image",
    label: "",
    path: "/image",
    listed: false,
    kept: false,
    title: (session) => texts.image(session.route.id ?? 0),
    show: (session) => html`<vitrail-image .session=${session} .image=${session.route.id}></vitrail-image>`,
  },
  {
    name: "make",
    label: texts.views.make,
    path: "/make",
    listed: true,
    kept: false,
    title: () => texts.views.make,
    show: (session) => html`<vitrail-make .session=${session}></vitrail-make>`,
  },
  {
    name: "compare",
    label: texts.views.compare,
    path: "/compare",
    listed: true,
    kept: false,
    title: () => texts.compareTitle,
    show: (session) => html`<vitrail-compare .session=${session}></vitrail-compare>`,
  },
  {
    name: "sets",
    label: "",
    path: "/sets",
    listed: false,
    within: "compare",
    kept: false,
    title: () => texts.setsTitle,
    show: (session) => html`<vitrail-sets .session=${session}></vitrail-sets>`,
  },
  {
    name: "duplicates",
    label: texts.views.duplicates,
    path: "/duplicates",
    listed: true,
    kept: false,
    title: () => texts.views.duplicates,
    show: (session) => html`<vitrail-duplicates .session=${session}></vitrail-duplicates>`,
  },
  {
    name: "map",
    label: texts.views.map,
    path: "/map",
    listed: true,
    kept: false,
    title: () => texts.views.map,
    show: (session) => html`<vitrail-map .session=${session}></vitrail-map>`,
  },
  {
    name: "audit",
    label: texts.views.audit,
    path: "/audit",
    listed: true,
    kept: false,
    title: () => texts.auditTitle,
    show: (session) => html`<vitrail-audit .session=${session}></vitrail-audit>`,
  },
  {
    name: "classify",
    label: texts.views.classify,
    path: "/classify",
    listed: true,
    kept: false,
    title: () => texts.classifyTitle,
    show: (session) => html`<vitrail-classify .session=${session}></vitrail-classify>`,
  },
  {
    name: "collection",
    label: texts.views.collection,
    path: "/collection",
    listed: true,
    kept: false,
    title: () => texts.views.collection,
    show: (session) => html`<vitrail-collection .session=${session}></vitrail-collection>`,
  },
];
