/** Signs on buttons: lines of 24 units, drawn in the colour of the text. */
import { html, svg } from "../vendor/lit/index.js";

const PATHS = {
  image: svg`<rect x="3.5" y="4.5" width="17" height="15" rx="2"/><circle cx="9" cy="10" r="1.6"/><path d="m4 17 5-4 3.5 2.5L16 12l4.5 4"/>`,
  camera: svg`<path d="M4 8h3l2-2.5h6L17 8h3a1 1 0 0 1 1 1v9a1 1 0 0 1-1 1H4a1 1 0 0 1-1-1V9a1 1 0 0 1 1-1z"/><circle cx="12" cy="13.2" r="3.4"/>`,
  search: svg`<circle cx="11" cy="11" r="6.5"/><path d="m16 16 4.5 4.5"/>`,
  close: svg`<path d="m6 6 12 12M18 6 6 18"/>`,
  plus: svg`<path d="M12 6v12M6 12h12"/>`,
  minus: svg`<path d="M6 12h12"/>`,
  like: svg`<rect x="3.5" y="7.5" width="11" height="13" rx="1.5"/><path d="M9 4.500h9.500a1.500 1.500 0 0 1 1.500 1.500v10"/>`,
  crop: svg`<path d="M7 2.500v14.500h14.500M2.500 7H17v14.500"/>`,
  swap: svg`<path d="M4 9h14m-3.500-3.500L18 9M20 15H6m3.500 3.500L6 15"/>`,
  sliders: svg`<path d="M4 7h9m5 0h2M4 17h3m5 0h8"/><circle cx="15.500" cy="7" r="2.200"/><circle cx="9.500" cy="17" r="2.200"/>`,
  code: svg`<path d="m8.500 7-5 5 5 5m7-10 5 5-5 5"/>`,
  theme: svg`<circle cx="12" cy="12" r="8"/><path d="M12 4a8 8 0 0 1 0 16z" fill="currentColor"/>`,
  help: svg`<circle cx="12" cy="12" r="8.500"/><path d="M9.600 9.600a2.500 2.500 0 1 1 3.600 2.300c-.800.400-1.200.900-1.200 1.800M12 16.700v.100"/>`,
  back: svg`<path d="M14.500 5.500 8 12l6.500 6.500"/>`,
  forth: svg`<path d="M9.500 5.500 16 12l-6.500 6.500"/>`,
  zoom: svg`<path d="M14 4h6v6M20 4l-7 7M10 20H4v-6m0 6 7-7"/>`,
  file: svg`<path d="M6 3.500h8l4 4v13H6z"/><path d="M14 3.500v4h4"/>`,
  menu: svg`<path d="M4 7h16M4 12h16M4 17h16"/>`,
  check: svg`<path d="m5 12.500 4.500 4.500L19 7.500"/>`,
  brush: svg`<path d="M19.500 4.500 11 13l-2-2 8.500-8.500zM8.500 12.500c-2.500 0-3.500 1.500-3.500 3.500s-1 3-2 3.500c3 1 7.500.500 7.500-4.500z"/>`,
  undo: svg`<path d="M8.500 5 4 9.500 8.500 14M4.500 9.500H14a5.500 5.500 0 0 1 0 11h-3"/>`,
  lasso: svg`<path d="M6.500 14.500C2.500 12 3 6.500 9 4.800s12 1.200 12 4.700-5 5.500-9 5.500c-1.400 0-2.600-.200-3.700-.500"/><circle cx="7" cy="15.500" r="1.800"/><path d="M7 17.300c.200 1.500-.800 2.700-2.500 3.200"/>`,
  whole: svg`<path d="M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5"/>`,
  dice: svg`<rect x="4" y="4" width="16" height="16" rx="3"/><path d="M8.500 8.500v.1m7-.1v.1m-3.500 3.400v.1m-3.500 3.400v.1m7-.1v.1" stroke-width="2.400"/>`,
};

/** @param {keyof typeof PATHS} name */
export function icon(name) {
  return html`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true">${PATHS[name]}</svg>`;
}
