/**
 * What is passed about in the page; the service's replies among it.
 *
 * @typedef {{ kind: "image", id: number, box?: string }} IdPart
 * @typedef {{ kind: "upload", token: string, box?: string }} UploadPart
 * @typedef {{ kind: "text", text: string }} TextPart
 * @typedef {{ kind: "prompt", prompt: string, seeds: number }} PromptPart
 * @typedef {IdPart | UploadPart} ImagePart
 * @typedef {ImagePart | TextPart | PromptPart} Part
 *
 * @typedef {"is" | "in" | "above" | "below" | "at_least" | "at_most" | "like" | "has" | "missing"} Comparison
 * @typedef {{ column: string, comparison: Comparison, value: unknown }} Condition
 *
 * @typedef {{
 *   collection: string | null,
 *   positive: Part[],
 *   negative: Part[],
 *   conditions: Condition[],
 *   where: string,
 *   only: "all" | "generated" | "real",
 *   spaces: Record<string, number> | null,
 *   minScore: number | null,
 *   groupBy: string | null,
 *   diverse: number | null,
 *   sort: string | null,
 *   drawn: number | null,
 * }} Question
 *
 * @typedef {Record<string, any> & {
 *   width?: number, height?: number, paths?: string[], label?: string | null, prompt?: string | null,
 * }} Metadata
 * @typedef {{ by: string, value: string | null, more: number }} Group
 * @typedef {{
 *   id: number,
 *   score: number | null,
 *   fpr: number | null,
 *   closeness: "copy" | "look-alike" | "related" | "chance" | null,
 *   scores: Record<string, number>,
 *   group: Group | null,
 *   metadata: Metadata,
 * }} Hit
 * @typedef {{
 *   exact: boolean,
 *   estimated_recall: number,
 *   candidates: number,
 *   allowed: number | null,
 *   commit: number,
 *   encoder: { checkpoint: string, fingerprint: string, variant: string | null },
 *   seconds: Record<string, number>,
 * }} Receipt
 * @typedef {{
 *   copy: number | null, look_alike: number | null, related: number | null,
 *   least_rate: number, most_rate: number,
 * }} Scale
 * @typedef {{
 *   overlap: number | null, spread: number | null, agreement: number | null,
 *   verdict: "good" | "doubtful" | "noise" | null,
 *   nearer_than: number | null, background: number, inside: number | null,
 * }} Evidence
 * @typedef {{
 *   hits: Hit[],
 *   receipt: Receipt,
 *   scale: Scale | null,
 *   evidence: Evidence | null,
 *   next: string | null,
 *   reason: string | null,
 *   hints: string[],
 *   weights: Record<string, number>,
 *   notes: string[],
 *   query: { title: string, images: QueryImage[] } | null,
 * }} Answer
 * @typedef {{ upload: string, caption: string }} QueryImage one that a prompt made
 *
 * @typedef {{ name: string, kind: string, words: string, own: boolean }} Column
 * @typedef {{ value: any, count: number }} FacetValue
 * @typedef {{ low: any, high: any, count: number }} FacetBin
 * @typedef {{ column: string, kind: string, values: FacetValue[], bins: FacetBin[], others: number, missing: number, distinct: number }} Facet
 */
export {};
