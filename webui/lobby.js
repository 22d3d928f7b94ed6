// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// All that pages without a live room need a script for.

import { localizeAll } from './times.js';

localizeAll(document);
