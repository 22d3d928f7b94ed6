// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
// Publishers that keep a window of QoS 1 messages under way and remember what was acknowledged.
import { connect } from './client.mjs';
import { within } from './wait.mjs';

export class Publisher {
  // Publishes texts of `make(seq)` to `topic`, seq 0..count-1, each with its own key if `withKeys`.
  constructor({ subject, topic, count, make, window = 100, withKeys = false }) {
    Object.assign(this, { subject, topic, count, make, window, withKeys });
    this.acked = new Set();
    this.refused = new Map(); // seq -> reason code
    this.next = 0;
  }

  // Publishes until all is acknowledged or the connection is lost. Starts with what was sent before
  // and not acknowledged.
  async run(broker) {
    this.client = await connect(broker, { token: broker.token(this.subject), clientId: `load-${this.subject}` });
    const again = [];
    for (let seq = 0; seq < this.next; seq++) if (!this.acked.has(seq)) again.push(seq);
    await new Promise((resolve) => {
      let open = 0;
      this.client.closed.then(resolve);
      const fill = () => {
        while (open < this.window && !this.client.isClosed) {
          const seq = again.shift() ?? (this.next < this.count ? this.next++ : undefined);
          if (seq === undefined) break;
          open++;
          const properties = this.withKeys ? { userProperties: { key: `k${seq}` } } : undefined;
          this.client.mqtt.publish(this.topic, this.make(seq), { qos: 1, properties }, (error) => {
            open--;
            if (!error) this.acked.add(seq);
            else if (error.code !== undefined) this.refused.set(seq, error.code);
            if (open === 0 && again.length === 0 && this.next === this.count) resolve();
            else fill();
          });
        }
      };
      fill();
    });
    await within(this.client.mqtt.endAsync(true), 'the publisher to end');
  }
}
