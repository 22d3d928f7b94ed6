// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// All that pages without a live room need a script for: dates and days of the reader's own, and that
// nothing is left when he signs out.

import { markDays } from './days.js';
import { forgetOnSignOut } from './kept.js';
import { localizeAll } from './times.js';

localizeAll(document);
const messages = document.getElementById('messages');
if (messages) markDays(messages);
forgetOnSignOut();
