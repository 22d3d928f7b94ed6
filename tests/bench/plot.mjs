// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// Measured points as a small SVG: how often (logarithmic) against what each costs.
const [WIDTH, HEIGHT, LEFT, BOTTOM] = [640, 300, 56, 44]
const colours = ['#0f766e', '#1d5fc4']

// `series` maps a name to [count, cost] pairs.
export function plot(series) {
  const all = Object.values(series).flat()
  const most = Math.max(...all.map(([, cost]) => cost)) * 1.15
  const x = count => LEFT + Math.log10(count) / 4 * (WIDTH - LEFT - 24)
  const y = cost => HEIGHT - BOTTOM - cost / most * (HEIGHT - BOTTOM - 28)
  const ticks = [1, 10, 100, 1000, 10000].map(n =>
    `<text x="${x(n)}" y="${HEIGHT - BOTTOM + 18}" text-anchor="middle">${n.toLocaleString('en-US')}</text>`)
  const costs = [0, most / 2, most].map(cost =>
    `<path d="M${LEFT} ${y(cost)}H${WIDTH - 24}" stroke="#ccd5d4"/><text x="${LEFT - 8}" y="${y(cost) + 4}" text-anchor="end">${cost.toFixed(1)}</text>`)
  const lines = Object.entries(series).map(([name, points], n) => {
    const path = points.map(([count, cost]) => `${x(count).toFixed(1)},${y(cost).toFixed(1)}`)
    const dots = path.map(at => `<circle cx="${at.split(',')[0]}" cy="${at.split(',')[1]}" r="3.5" fill="${colours[n]}"/>`)
    return `<polyline points="${path.join(' ')}" fill="none" stroke="${colours[n]}" stroke-width="2"/>${dots.join('')}
<text x="${WIDTH - 24}" y="${20 + 18 * n}" text-anchor="end" fill="${colours[n]}">${name}</text>`
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12" fill="#16211f">
<title>CPU seconds of a million deliveries, by readers of a room and by rooms with 10,000 readers</title>
<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>
${[...costs, ...ticks, ...lines].join('\n')}
<text x="${LEFT}" y="18">CPU seconds of a million deliveries</text>
</svg>
`
}
