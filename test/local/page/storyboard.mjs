/** The strip below the picture: shows the small picture of the time under the pointer, and goes there on a click. */

let cues = []

/** address: of a WebVTT whose cues name a tile of a sheet (`sheet.jpg#xywh=x,y,width,height`). */
export async function openStoryboard({ video, strip, address }) {
  cues = []
  strip.hidden = true
  const [played, preview] = strip.children
  const [tile, time] = preview.children
  const secondsAt = (event) => {
    const { left, width } = strip.getBoundingClientRect()
    return Math.min(1, Math.max(0, (event.clientX - left) / width)) * (video.duration || 0)
  }
  strip.onclick = (event) => {
    video.currentTime = secondsAt(event)
  }
  strip.onpointerleave = () => {
    preview.hidden = true
  }
  strip.onpointermove = (event) => {
    const seconds = secondsAt(event)
    const cue = cues.find((each) => seconds < each.end) ?? cues.at(-1)
    if (cue === undefined) return
    tile.style.width = `${cue.width}px`
    tile.style.height = `${cue.height}px`
    tile.style.background = `url("${cue.sheet}") -${cue.x}px -${cue.y}px`
    time.textContent = clock(seconds)
    preview.hidden = false
    const free = strip.clientWidth - preview.offsetWidth
    const wanted = event.clientX - strip.getBoundingClientRect().left - preview.offsetWidth / 2
    preview.style.left = `${Math.min(Math.max(0, wanted), free)}px`
  }
  video.ontimeupdate = () => {
    played.style.width = `${(100 * video.currentTime) / (video.duration || 1)}%`
  }
  if (address === undefined) return
  const answer = await fetch(address)
  if (!answer.ok) return
  cues = parse(await answer.text(), new URL(address, location.href))
  strip.hidden = cues.length === 0
}

function parse(text, base) {
  const cue = /-->\s*([\d:.]+)[^\n]*\n(\S+?)#xywh=(\d+),(\d+),(\d+),(\d+)/g
  return [...text.matchAll(cue)].map(([, end, sheet, x, y, width, height]) => ({
    end: end.split(':').reduce((total, part) => total * 60 + Number(part), 0),
    sheet: new URL(sheet, base).href,
    ...{ x, y, width, height },
  }))
}

function clock(seconds) {
  const whole = Math.floor(seconds)
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`
}
