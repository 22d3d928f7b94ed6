// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
// The installed Chromium (CHROMIUM names another), driven by playwright-core, against a stack.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';

import { chromium } from 'playwright-core';

import { waitFor } from '../../system/lib/wait.mjs';

const candidates = ['/usr/bin/chromium', '/usr/bin/google-chrome', '/usr/bin/chromium-browser'];
const executablePath = process.env.CHROMIUM ?? candidates.find((path) => existsSync(path));

// For node:test: why these tests cannot run here, or false.
export const skip = executablePath ? false : 'neither Chromium nor Chrome is installed (CHROMIUM names one elsewhere)';

export function launch() {
  const args = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update', '--disable-sync'];
  return chromium.launch({ executablePath, args });
}

// Somebody with a browser window of his own; everything that page and browser complain about is
// kept in `complaints`.
export class Visitor {
  static async create(browser, stack, options = {}) {
    const it = new Visitor();
    it.stack = stack;
    it.context = await browser.newContext({ viewport: { width: 1000, height: 700 }, ...options });
    it.page = await it.context.newPage();
    it.complaints = [];
    it.page.setDefaultTimeout(20000);
    it.page.on('pageerror', (error) => it.complaints.push(`page error: ${error.message}`));
    it.page.on('dialog', (dialog) => {
      it.complaints.push(`dialog: ${dialog.message()}`);
      dialog.accept();
    });
    it.page.on('console', (message) => {
      if (message.type() === 'error') it.complaints.push(`console: ${message.text()}`);
    });
    return it;
  }

  // Signs in by the form, as people do, and comes to the room.
  async enter(room, token) {
    await this.page.goto(`${this.stack.url}/rooms/${room}`);
    await this.page.fill('#token', token);
    await this.page.click('form:has(#token) button');
    await this.page.waitForURL(`**/rooms/${room}`);
    // The first answer asked for a token, which browsers count as a failed load.
    this.complaints = this.complaints.filter((text) => !text.includes('401'));
  }

  // Waits until the page says that it is connected.
  async live() {
    await this.page.waitForSelector('#status[data-state="live"]');
  }

  async enterLive(room, token) {
    await this.enter(room, token);
    await this.live();
  }

  async say(text) {
    await this.page.fill('#text', text);
    await this.page.press('#text', 'Enter');
  }

  // The texts of the messages shown, in the order they stand there.
  texts() {
    return this.page.$$eval('#messages li[id] .text', (all) => all.map((one) => one.textContent));
  }

  ids() {
    return this.page.$$eval('#messages li[id]', (all) => all.map((one) => Number(one.id.slice(1))));
  }

  async shows(text, count = 1) {
    await waitFor(async () => (await this.texts()).filter((one) => one === text).length >= count,
      `the page to show ${JSON.stringify(text)}`);
  }

  // Nothing typed is on its way any more.
  async hasSentAll() {
    await waitFor(async () => (await this.page.$$('#pending li')).length === 0, 'everything to be sent');
  }

  noComplaints(but = /^$/) {
    assert.deepEqual(this.complaints.filter((text) => !but.test(text)), []);
  }

  close() {
    return this.context.close();
  }
}
