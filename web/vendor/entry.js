// What the client uses of its libraries, as one module: see README.md beside this file.
import { h } from "preact";
import htm from "htm";

export const html = htm.bind(h);
export { render, Fragment } from "preact";
export { useState, useEffect, useLayoutEffect, useMemo, useRef, useCallback, useId } from "preact/hooks";
export { signal, computed, effect, batch, untracked } from "@preact/signals";
export { Router, Route, Switch, Redirect, useLocation } from "wouter-preact";
export { useHashLocation, navigate } from "wouter-preact/use-hash-location";
