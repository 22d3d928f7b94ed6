// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// Web addresses in a message's text, as links. gateway/page_links.c has the same rule, and both are
// held to tests/data/links.json.

// What turns the direction of text, or cannot be seen, would make an address look like another one.
const ADDRESS = /https?:\/\/[^\u0000-\u0020\u007f<>"`\u00a0\u2000-\u200f\u2028-\u202e\u2066-\u2069\u3000]+/gi;
const WORD = /[0-9A-Za-z\u0080-\uffff]/;
const SENTENCE = /[.,;:!?'*_~\]}]/;

// Without the punctuation at its end, which belongs to the sentence.
function trimmed(address) {
  const begin = address.indexOf('//') + 2;
  let end = address.length;
  let open = 0; // parentheses that are not closed
  for (const c of address) open += Number(c === '(') - Number(c === ')');
  while (end > begin) {
    const isStray = address[end - 1] === ')' && open < 0;
    if (!isStray && !SENTENCE.test(address[end - 1])) break;
    open += Number(isStray);
    end -= 1;
  }
  return end > begin ? address.slice(0, end) : '';
}

// The parts of `text`, one after the other: [words] or [words, address].
export function split(text) {
  const parts = [];
  let done = 0;
  for (const { 0: match, index } of text.matchAll(ADDRESS)) {
    const address = trimmed(match);
    if (!address || (index > 0 && WORD.test(text[index - 1]))) continue;
    if (index > done) parts.push([text.slice(done, index)]);
    parts.push([address, address]);
    done = index + address.length;
  }
  if (done < text.length) parts.push([text.slice(done)]);
  return parts;
}

// The same as nodes for the page.
export function withLinks(text) {
  return split(text).map(([words, href]) => {
    if (!href) return words;
    const link = document.createElement('a');
    Object.assign(link, { href, target: '_blank', rel: 'noopener noreferrer nofollow' });
    link.textContent = words;
    return link;
  });
}
