export * from "./types/photoswipe.js";
export { default } from "./types/photoswipe.js";
