/** Subtitles in a real browser on the page of the local stack: shown at the right time, switched, and switched off. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { Browser, Page } from 'playwright-core'
import { type LocalRun, startLocalRun } from '../integration/local/command.ts'
import { makeVideo } from '../integration/local/sample.ts'
import { openBrowser, patience, suite } from './browser.ts'

/** English in the file, whose clock begins late; German and Korean beside it. */
function makeSubtitled(folder: string): string {
  const at = (name: string) => join(folder, name)
  const plain = makeVideo(at('plain.mp4'), { size: '320x180', seconds: 12 })
  writeFileSync(at('en.srt'), '1\n00:00:02,000 --> 00:00:06,000\nGood <i>morning</i>\n')
  writeFileSync(at('clip.de.srt'), '1\n00:00:02,500 --> 00:00:06,000\nGuten Morgen & mehr\n')
  writeFileSync(at('clip.ko.vtt'), '\ufeffWEBVTT\n\n00:01.500 --> 00:06.000\n안녕하세요\n', 'utf16le')
  execFileSync('ffmpeg', [
    ...['-v', 'error', '-nostdin', '-y', '-i', plain, '-i', at('en.srt'), '-map', '0', '-map', '1'],
    ...['-c', 'copy', '-c:s', 'mov_text', '-metadata:s:s:0', 'language=eng', '-disposition:s:0', 'default'],
    ...['-output_ts_offset', '0.7', at('clip.mp4')],
  ])
  return at('clip.mp4')
}

suite('in a browser, subtitles', () => {
  let folder: string
  let run: LocalRun
  let browser: Browser
  let page: Page

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'video-worker-subtitles-'))
    run = startLocalRun([makeSubtitled(folder)])
    const [, address] = await run.says(/Watch: (http\S+)/)
    browser = await openBrowser()
    page = await browser.newPage()
    await page.goto(address!)
    await page.waitForFunction('player.video.duration > 0', undefined, patience)
    await page.evaluate('player.video.currentTime = 3')
  })
  afterAll(async () => {
    await browser?.close()
    await run?.remove()
    rmSync(folder, { recursive: true, force: true })
  })

  // As text: these run in the page, and the project has no types of a browser.
  const shown = `[...player.video.textTracks].filter(({ mode }) => mode === 'showing')
    .flatMap(({ activeCues }) => [...activeCues].map(({ startTime, text }) => ({ startTime, text })))`
  const choose = (name: string) => page.getByRole('button', { name, exact: true }).click()

  test('are offered by the names of their languages; those that the file has as its default are on', async () => {
    const buttons = page.getByRole('group', { name: 'Subtitles' }).getByRole('button')
    await page.waitForFunction('player.hls.subtitleTrack === 0', undefined, patience)
    expect(await buttons.allTextContents()).toEqual(['No subtitles', 'English', 'Deutsch', '한국어'])
    expect(await buttons.nth(1).getAttribute('aria-pressed')).toBe('true')
  })

  test.each([
    ['Deutsch', 2.5, 'Guten Morgen & mehr'],
    ['한국어', 1.5, '안녕하세요'],
    ['English', 2, 'Good <i>morning</i>'],
  ])('in %s are shown when they should be, and no others', async (name, startTime, text) => {
    await choose(name)
    await page.waitForFunction(
      `(${shown}).some(({ text }) => text.includes(${JSON.stringify(text.slice(-4))}))`,
      undefined,
      patience,
    )
    const cues = await page.evaluate<{ startTime: number; text: string }[]>(shown)
    expect(cues).toHaveLength(1)
    expect(cues[0]!.text.replace('&amp;', '&')).toBe(text)
    expect(Math.abs(cues[0]!.startTime - startTime)).toBeLessThan(0.05)
  })

  test('can be switched off, and nothing fatal was met', async () => {
    await choose('No subtitles')
    await page.waitForFunction(`(${shown}).length === 0`, undefined, patience)
    expect(await page.evaluate('player.fatal')).toEqual([])
  })
})
