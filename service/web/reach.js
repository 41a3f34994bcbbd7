/** Whether the service answers: looked for while nobody does, and told once it is back. */
import { placed } from "./routes.js";
import { ANSWERED } from "./shots.js";

export const BACK = "vitrail-back"; // told to the window once the service answers again
const AGAIN = 4000; // ms between two looks

let timer = 0;

/** Nobody has answered: look for the service until it does. */
export function silent() {
  timer ||= window.setTimeout(look, AGAIN);
}

async function look() {
  timer = 0;
  const reply = await fetch(placed("/v1/livez")).catch(() => null);
  if (timer) return; // nobody answered anything else meanwhile, either
  if (reply?.ok) dispatchEvent(new Event(BACK));
  else silent();
}

function answered() {
  if (!timer) return;
  clearTimeout(timer);
  timer = 0;
  dispatchEvent(new Event(BACK));
}

addEventListener(ANSWERED, answered);
addEventListener("online", () => {
  if (!timer) return;
  clearTimeout(timer);
  look();
});
