// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
// A small file system of its own, to be filled up.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

// Gives the folder of so many bytes; null where one may not be mounted.
export function mountSmall(bytes) {
  const folder = mkdtempSync(join(tmpdir(), 'roomwire-small-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', folder], { stdio: 'pipe' });
    return folder;
  } catch {
    rmSync(folder, { recursive: true });
    return null;
  }
}

export function unmount(folder) {
  execFileSync('umount', [folder], { stdio: 'pipe' });
  rmSync(folder, { recursive: true });
}
