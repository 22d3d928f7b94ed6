// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// A text that the browser keeps for a page: in 'sessionStorage' as long as its window is there, in
// 'localStorage' for the next visit, too. Where that is forbidden it is empty, and nothing else fails.
// Whoever signs out leaves nothing behind.

const PREFIX = 'roomwire-';

let isForgotten = false; // and nothing is kept any more

export class Kept {
  #storage;
  #key;

  constructor(storage, key) {
    this.#storage = storage;
    this.#key = PREFIX + key;
  }

  get text() {
    try {
      return globalThis[this.#storage].getItem(this.#key) ?? '';
    } catch {
      return '';
    }
  }

  set text(text) {
    try {
      if (text && !isForgotten) globalThis[this.#storage].setItem(this.#key, text);
      else globalThis[this.#storage].removeItem(this.#key);
    } catch {
      // It lives as long as the page.
    }
  }
}

// What others left, too: each guest is somebody else.
function forgetAll() {
  isForgotten = true;
  for (const name of ['sessionStorage', 'localStorage']) {
    try {
      const storage = globalThis[name];
      for (const key of Object.keys(storage)) if (key.startsWith(PREFIX)) storage.removeItem(key);
    } catch {
      // Nothing was kept there.
    }
  }
}

// isSure(): whether the reader, who is about to sign out, wants it all the same.
export function forgetOnSignOut(isSure = () => true) {
  document.querySelector('form.session')?.addEventListener('submit', (event) => {
    if (isSure()) addEventListener('pagehide', forgetAll); // what happens until then is not kept either
    else event.preventDefault();
  });
}
