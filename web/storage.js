// What outlives a reload. Storage may be full or forbidden (private windows): then the page works without memory.

const PREFIX = "ost.";

export function recall(key, store = localStorage) {
  try {
    return JSON.parse(store.getItem(PREFIX + key));
  } catch {
    return null;
  }
}

export function remember(key, value, store = localStorage) {
  try {
    if (value == null) store.removeItem(PREFIX + key);
    else store.setItem(PREFIX + key, JSON.stringify(value));
  } catch {
    // Without storage the value lives as long as the page does.
  }
}

/** Keys that begin so, without the prefix. */
export function recallKeys(start) {
  try {
    return Object.keys(localStorage)
      .filter((key) => key.startsWith(PREFIX + start))
      .map((key) => key.slice(PREFIX.length));
  } catch {
    return [];
  }
}

/** Calls back with the key when another tab changed one of ours (null: everything was cleared). */
export function onForeignChange(callback) {
  addEventListener("storage", ({ key, storageArea }) => {
    if (storageArea !== localStorage) return;
    if (key === null) callback(null);
    else if (key.startsWith(PREFIX)) callback(key.slice(PREFIX.length));
  });
}
