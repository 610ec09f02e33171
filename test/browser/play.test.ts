/**
 * What a viewer does, in a real browser on the page of the local stack: play, go to the middle, change the
 * quality. Needs a Chromium on PATH; without one the suite is skipped, and says so.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { Browser, Page } from 'playwright-core'
import { conformingSeconds, makeConformingClip } from '../fleet/clips.ts'
import { type LocalRun, startLocalRun } from '../integration/local/command.ts'
import { makeVideo } from '../integration/local/sample.ts'
import { openBrowser, patience, suite } from './browser.ts'

interface State {
  currentTime: number
  videoWidth: number
  videoHeight: number
  duration: number
  /** Address of the thumbnail. */
  poster: string
  /** Every error that ended playing. */
  fatal: string[]
}

interface Tile {
  width: number
  height: number
  /** Whether all of it lies in its sheet. */
  inside: boolean
  /** Sheet and place. */
  at: string
}

interface Way {
  readonly env: Record<string, string>
  readonly seconds: number
  /** Name, width and height. */
  readonly low: readonly [string, number, number]
  readonly top: readonly [string, number, number]
  make(folder: string): Promise<string> | string
}

const landscape = { low: ['360p', 640, 360], top: ['720p', 1280, 720] } as const

const ways: [string, Way][] = [
  [
    'encoded, a file a segment',
    {
      ...{ env: {}, seconds: 30, ...landscape },
      make: (folder) => makeVideo(join(folder, 'clip.mp4'), { size: '1280x720', seconds: 30 }),
    },
  ],
  [
    'copied, segments as ranges of one object',
    {
      ...{ env: { SEGMENT_STORAGE: 'byterange', CHUNK_SECONDS: '8' }, seconds: conformingSeconds },
      ...landscape,
      make: (folder) => makeConformingClip(folder, 'untagged HD'),
    },
  ],
  [
    'upright, from a telephone',
    {
      ...{ env: {}, seconds: 30, low: ['360p', 360, 640], top: ['480p', 480, 854] },
      make: (folder) => makeVideo(join(folder, 'clip.mp4'), { size: '480x854', seconds: 30 }),
    },
  ],
]

suite.each(ways)('in a browser, the result (%s)', (_, { env, seconds, low, top, make }) => {
  let folder: string
  let run: LocalRun
  let browser: Browser
  let page: Page

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'video-worker-browser-'))
    run = startLocalRun([await make(folder)], env)
    const [, address] = await run.says(/Watch: (http\S+)/)
    browser = await openBrowser()
    page = await browser.newPage()
    await page.goto(address!)
  })
  afterAll(async () => {
    await browser?.close()
    await run?.remove()
    rmSync(folder, { recursive: true, force: true })
  })

  // As text: these run in the page, and the project has no types of a browser.
  const state = () =>
    page.evaluate<State>(`(({ currentTime, videoWidth, videoHeight, duration, poster }) =>
      ({ currentTime, videoWidth, videoHeight, duration, poster, fatal: player.fatal }))(player.video)`)
  const until = (condition: string) => page.waitForFunction(condition, undefined, patience)
  const choose = async ([quality, width, height]: Way['low']) => {
    await page.getByRole('button', { name: quality, exact: true }).click()
    await until(`player.video.videoHeight === ${height}`)
    expect(await state()).toMatchObject({ videoWidth: width })
  }

  test('shows its thumbnail and its whole length before it plays', async () => {
    await until('player.video.duration > 0')
    const { duration, poster } = await state()
    expect(Math.abs(duration - seconds)).toBeLessThan(0.2)
    const answer = await page.request.get(poster)
    expect(answer.headers()['content-type']).toBe('image/jpeg')
  })

  test('plays', async () => {
    await page.evaluate('player.video.play()')
    await until('player.video.currentTime > 1')
  })

  test('plays on from its middle', async () => {
    await page.evaluate(`player.video.currentTime = ${seconds / 2}`)
    await until(`player.video.currentTime > ${seconds / 2 + 1}`)
  })

  test('changes its picture size with the quality, up and down, and plays on', async () => {
    await page.evaluate('player.video.currentTime = 1')
    await choose(low)
    await choose(top)
    // It may have come to its end while a slow machine changed the picture.
    await page.evaluate('player.video.currentTime = 1; player.video.play()')
    await until('player.video.currentTime > 2')
  })

  test('shows small pictures of its own shape along the strip, not the same all along', async () => {
    const strip = page.locator('#strip')
    const width = await page.evaluate<number>('strip.clientWidth')
    const shown = async (share: number) => {
      await strip.hover({ position: { x: width * share, y: 5 } })
      return page.evaluate<Tile>(`(async () => {
        const { backgroundImage, backgroundPosition, width, height } = getComputedStyle(tile)
        const sheet = new Image()
        sheet.src = /url\\("([^"]+)"\\)/.exec(backgroundImage)[1]
        await sheet.decode()
        const [x, y] = backgroundPosition.split(' ').map((length) => -parseFloat(length))
        const size = { width: parseFloat(width), height: parseFloat(height) }
        const inside = x + size.width <= sheet.naturalWidth && y + size.height <= sheet.naturalHeight
        return { ...size, inside, at: [sheet.src, x, y].join() }
      })()`)
    }
    const tiles = [await shown(0.05), await shown(0.95)]
    expect(new Set(tiles.map(({ at }) => at)).size).toBe(tiles.length)
    for (const tile of tiles) {
      expect(tile.inside).toBe(true)
      expect(Math.abs(tile.width / tile.height / (top[1] / top[2]) - 1)).toBeLessThan(0.03)
    }
  })

  test('met no fatal error', async () => {
    expect(await state()).toMatchObject({ fatal: [] })
  })
})
