// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
// The same tests over every broker there is to test with.
import { after, before, describe } from 'node:test';

import { brokers, startBroker } from './broker.mjs';
import { dropLeftovers } from './client.mjs';
import { killLeftovers } from './process.mjs';

after(() => {
  dropLeftovers();
  killLeftovers();
});

// `define(kind)` defines the tests for one kind of broker; each starts its own. The kinds run side by
// side, since much of a test is waiting, and the tests of one kind one after the other.
export function describeBrokers(title, define) {
  const kinds = brokers();
  describe(title, { concurrency: kinds.length }, () => {
    for (const kind of kinds) describe(kind.name, { concurrency: 1, skip: kind.skip ?? false }, () => define(kind));
  });
}

// The same where one broker serves all tests of the file: `define(get)`, with get() the running
// Broker from within a test. `options` are startBroker's.
export function describeOneBroker(title, options, define) {
  describeBrokers(title, (kind) => {
    let broker;
    before(async () => {
      broker = await startBroker({ ...options, broker: kind });
    });
    after(() => broker?.close());
    define(() => broker, kind);
  });
}
