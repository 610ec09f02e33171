/** What is heard in a real browser: one language after the other, and recordings without pictures. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { Browser, Page } from 'playwright-core'
import { makeRecording, makeTracksClip } from '../fleet/clips.ts'
import { type LocalRun, startLocalRun } from '../integration/local/command.ts'
import { openBrowser, suite } from './browser.ts'

const patience = { timeout: 200_000 }

/** Hears what the element plays: the strongest pitch in hertz, 0 for silence. A page has one element, and one of these. */
const listen = `
  window.listening ??= (() => {
    const context = new AudioContext()
    const meter = new AnalyserNode(context, { fftSize: 8192 })
    context.createMediaElementSource(player.video).connect(meter).connect(context.destination)
    const bins = new Float32Array(meter.frequencyBinCount)
    return {
      pitch() {
        meter.getFloatFrequencyData(bins)
        const strongest = bins.indexOf(Math.max(...bins))
        return bins[strongest] > -60 ? (strongest * context.sampleRate) / meter.fftSize : 0
      },
    }
  })()`

suite('in a browser', () => {
  let folder: string
  let run: LocalRun
  let browser: Browser
  let page: Page

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'video-worker-sound-'))
    run = startLocalRun([await makeTracksClip(folder), await makeRecording(folder, 'cover.mp3')], {})
    const [, address] = await run.says(/Watch: (http\S+)/)
    browser = await openBrowser()
    page = await browser.newPage()
    await page.goto(address!)
    await until('document.querySelectorAll("#videos button").length === 2')
  })
  afterAll(async () => {
    await browser?.close()
    await run?.remove()
    rmSync(folder, { recursive: true, force: true })
  })

  const until = (condition: string) => page.waitForFunction(condition, undefined, patience)
  const choose = (name: string | RegExp) => page.getByRole('button', { name, exact: true }).click()
  const hears = async (hertz: number) => {
    await page.evaluate(`${listen}; player.video.loop = true; player.video.play()`)
    await until(`Math.abs(listening.pitch() - ${hertz}) < 15`)
  }
  const fatal = () => page.evaluate<string[]>('player.fatal')

  test('the file’s own default is heard first', async () => {
    await choose(/tracks/)
    await until('player.video.duration > 8')
    await hears(880)
  })

  test('another language is heard when it is chosen, and the first one again', async () => {
    await choose('Main')
    await hears(440)
    await choose('Main 3')
    await hears(1760)
    await choose('fr')
    await hears(880)
    expect(await fatal()).toEqual([])
  })

  test('a recording plays with its cover for a picture', async () => {
    await choose(/cover/)
    await until('Math.abs(player.video.duration - 7) < 0.2')
    await hears(440)
    await page.evaluate('player.video.currentTime = 5')
    await until('player.video.currentTime > 5.3 || player.video.currentTime < 4')
    const poster = await page.evaluate<string>('player.video.poster')
    expect((await page.request.get(poster)).headers()['content-type']).toBe('image/jpeg')
    expect(
      await page.evaluate('player.hls.levels.map(({ audioCodec, videoCodec }) => [audioCodec, videoCodec])'),
    ).toEqual([['mp4a.40.2', undefined]])
    expect(await fatal()).toEqual([])
  })
})
