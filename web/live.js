// Numbers that are true now: asked for again and again while somebody looks.

import { useEffect, useRef, useState } from "./vendor/libraries.js";

const EVERY_S = 5;
const LONGEST_S = 60;

/**
 * What `load` brings, asked for again and again while the page is looked at: {value, problem, reload}. The last value stays while
 * none comes. Pages ask at different moments, and a server that falters is asked less and less often.
 * @param every seconds between questions, or a function of the value; null: enough is known
 * @param first the value before any has come
 * @param keys  of what it is asked: where they change, it is another value
 */
export function useLive(load, every = EVERY_S, first = null, keys = []) {
  const [state, setState] = useState({ value: first, problem: null });
  const given = useRef();
  given.current = { load, every };
  const ask = useRef(() => {});
  useEffect(() => {
    let timer = null;
    let faults = 0;
    let turn = 0;
    setState({ value: first, problem: null });
    const look = async () => {
      clearTimeout(timer);
      const mine = (turn += 1);
      let wait = null;
      try {
        const value = await given.current.load();
        if (mine !== turn) return;
        faults = 0;
        setState({ value, problem: null });
        wait = typeof given.current.every === "function" ? given.current.every(value) : given.current.every;
      } catch (problem) {
        if (mine !== turn) return;
        if (!problem.code) console.error(problem);
        faults += 1;
        setState(({ value }) => ({ value, problem }));
        if (problem.transient) wait = Math.max(problem.retryAfter ?? 0, Math.min(LONGEST_S, EVERY_S * 2 ** faults));
      }
      if (wait !== null && !document.hidden) timer = setTimeout(look, wait * (0.85 + Math.random() * 0.3) * 1000);
    };
    const seen = () => (document.hidden ? clearTimeout(timer) : look());
    ask.current = look;
    document.addEventListener("visibilitychange", seen);
    addEventListener("online", look);
    look();
    return () => {
      turn += 1;
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", seen);
      removeEventListener("online", look);
    };
  }, keys);
  return { ...state, reload: () => ask.current() };
}
