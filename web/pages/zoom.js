// The buttons that enlarge a plan: a phone needs no pinch, a keyboard no wheel.

import { html } from "../vendor/libraries.js";
import { t } from "../language.js";
import { Icon } from "../parts.js";

export const ZoomButtons = ({ viewport }) => html`
  <div class="zoom" role="group" aria-label=${t("large.zoom")}>
    <button type="button" aria-label=${t("large.larger")} disabled=${viewport.isLargest} onClick=${viewport.larger}><${Icon} name="plus" /></button>
    <button type="button" aria-label=${t("large.smaller")} disabled=${viewport.isWhole} onClick=${viewport.smaller}><${Icon} name="minus" /></button>
    <button type="button" aria-label=${t("large.whole")} disabled=${viewport.isWhole} onClick=${viewport.all}><${Icon} name="whole" /></button>
  </div>
`;

/** `+`, `-` and `0` do as the buttons do. Returns whether the key was one of them. */
export function zoomByKey(viewport, event) {
  const act = { "+": viewport.larger, "=": viewport.larger, "-": viewport.smaller, 0: viewport.all }[event.key];
  if (!act || event.ctrlKey || event.metaKey) return false;
  event.preventDefault();
  act();
  return true;
}
