// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// What the pages are made of besides HTML: the files of webui that the build put into the program.
#ifndef ROOMWIRE_GATEWAY_ASSETS_H
#define ROOMWIRE_GATEWAY_ASSETS_H

struct exchange;

// GET /assets/*: the file as it is, or as gzip or brotli made it at build time. With "?v=" (the
// pages give the content's hash there) it may be kept for ever, else it is to be asked for again.
void asset_get(struct exchange *x);

#endif
