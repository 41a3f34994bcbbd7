import { SessionPart } from "../parts/part.js";
customElements.define("vitrail-collection", class extends SessionPart {});
