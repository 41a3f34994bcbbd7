export * from "./cropper.js";
export { default } from "./cropper.js";
