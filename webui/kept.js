// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// A text that the browser keeps for a page: in 'sessionStorage' as long as its window is there, in
// 'localStorage' for the next visit, too. Where that is forbidden it is empty, and nothing else fails.

export class Kept {
  #storage;
  #key;

  constructor(storage, key) {
    this.#storage = storage;
    this.#key = key;
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
      if (text) globalThis[this.#storage].setItem(this.#key, text);
      else globalThis[this.#storage].removeItem(this.#key);
    } catch {
      // It lives as long as the page.
    }
  }
}
