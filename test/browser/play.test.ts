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

interface Way {
  readonly env: Record<string, string>
  readonly seconds: number
  make(folder: string): Promise<string> | string
}

const ways: [string, Way][] = [
  [
    'encoded, a file a segment',
    {
      ...{ env: {}, seconds: 30 },
      make: (folder) => makeVideo(join(folder, 'clip.mp4'), { size: '1280x720', seconds: 30 }),
    },
  ],
  [
    'copied, segments as ranges of one object',
    {
      ...{ env: { SEGMENT_STORAGE: 'byterange', CHUNK_SECONDS: '8' }, seconds: conformingSeconds },
      make: (folder) => makeConformingClip(folder, 'untagged HD'),
    },
  ],
]

suite.each(ways)('in a browser, the result (%s)', (_, { env, seconds, make }) => {
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
  const choose = async (quality: string, height: number) => {
    await page.getByRole('button', { name: quality, exact: true }).click()
    await until(`player.video.videoHeight === ${height}`)
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
    await choose('360p', 360)
    expect(await state()).toMatchObject({ videoWidth: 640 })
    await choose('720p', 720)
    expect(await state()).toMatchObject({ videoWidth: 1280 })
    // It may have come to its end while a slow machine changed the picture.
    await page.evaluate('player.video.currentTime = 1; player.video.play()')
    await until('player.video.currentTime > 2')
  })

  test('shows small pictures along the strip', async () => {
    const strip = page.locator('#strip')
    await strip.hover({ position: { x: 200, y: 5 } })
    const sheet = await page.evaluate<string>('getComputedStyle(tile).backgroundImage')
    const [, address] = /url\("([^"]+)"\)/.exec(sheet) ?? []
    const answer = await page.request.get(address!)
    expect(answer.headers()['content-type']).toBe('image/jpeg')
  })

  test('met no fatal error', async () => {
    expect(await state()).toMatchObject({ fatal: [] })
  })
})
