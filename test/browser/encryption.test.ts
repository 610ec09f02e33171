/** An encrypted video in a real browser: hls.js gets the key from the address in the playlist, for pictures, sound and text. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { Browser, Page } from 'playwright-core'
import { type LocalRun, startLocalRun } from '../integration/local/command.ts'
import { makeVideo } from '../integration/local/sample.ts'
import { openBrowser, patience, suite } from './browser.ts'

suite('in a browser, an encrypted video', () => {
  let folder: string
  let run: LocalRun
  let browser: Browser
  let page: Page
  const fetched: string[] = []

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'video-worker-locked-'))
    const clip = makeVideo(join(folder, 'clip.mp4'), { size: '320x180', seconds: 8 })
    writeFileSync(join(folder, 'clip.en.default.srt'), '1\n00:00:01,000 --> 00:00:07,000\nUnder lock\n')
    const profiles = join(folder, 'profiles.json')
    const av1 = { rungs: [{ shortSide: 180, crf: 45, maxrateKbps: 400 }], preset: 12 }
    writeFileSync(profiles, JSON.stringify({ default: { encryption: 'aes-128', av1 } }))
    run = startLocalRun([clip], { PROFILES_FILE: profiles })
    const [, address] = await run.says(/Watch: (http\S+)/)
    browser = await openBrowser()
    page = await browser.newPage()
    page.on('request', (request) => void fetched.push(request.url()))
    await page.goto(address!)
  })
  afterAll(async () => {
    await browser?.close()
    await run?.remove()
    rmSync(folder, { recursive: true, force: true })
  })

  const until = (condition: string) => page.waitForFunction(condition, undefined, patience)

  test('plays with its sound, and shows its subtitles', async () => {
    await until('player.video.duration > 7')
    await page.evaluate('player.video.currentTime = 2; player.video.play()')
    await until('player.video.currentTime > 3 && player.video.webkitAudioDecodedByteCount > 0')
    await until(
      `[...player.video.textTracks].some(({ activeCues }) => activeCues?.[0]?.text === 'Under lock')`,
    )
    expect(await page.evaluate('player.fatal')).toEqual([])
    expect(fetched.filter((url) => url.includes('/video-keys/')).length).toBeGreaterThan(0)
  })

  test('plays in AV1, where that is what is chosen', async () => {
    await page.getByRole('button', { name: '180p AV1', exact: true }).click()
    await page.evaluate('player.video.currentTime = 1; player.video.play()')
    await until(`player.hls.levels[player.hls.currentLevel].videoCodec.startsWith('av01')`)
    await until('player.video.currentTime > 2 && player.video.videoWidth === 320')
    expect(await page.evaluate('player.fatal')).toEqual([])
  })
})
