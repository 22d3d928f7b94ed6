// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// What the page makes of a message. Runs in Node: webui/message.js knows neither page nor network.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { fromDirect, fromMqtt } from '../../webui/message.js';

const payload = Buffer.from('text');
const stamp = { 'rw-id': '7', 'rw-prev': '5', 'rw-epoch': 'e', 'rw-from': 'alice', 'rw-ts': '1000' };

test('a stamp tells everything about a message', () => {
  const { id, prev, epoch, from, date, text } = fromMqtt(payload, { userProperties: stamp });
  assert.deepEqual([id, prev, epoch, from, date, text], [7, 5, 'e', 'alice', '1970-01-01T00:00:01.000Z', 'text']);
  assert.equal(fromMqtt(payload, {}), null);
});

test('a message without a date, or with a wrong one, is of now', () => {
  for (const date of [undefined, 'soon', '1e300', ['1', '2']]) {
    const properties = { userProperties: { ...stamp, 'rw-ts': date } };
    for (const message of [fromMqtt(payload, properties), fromDirect(payload, properties)])
      assert.ok(Math.abs(Date.parse(message.date) - Date.now()) < 60000, `${date}: ${message.date}`);
  }
});
