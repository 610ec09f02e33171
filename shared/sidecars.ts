/** Subtitle files beside a source, by their names: `lecture.en.forced.srt` belongs to `lecture.mp4`. Pure. */

/** What the name of a sidecar says of it. */
export interface SidecarName {
  readonly format: 'srt' | 'vtt'
  /** BCP 47, 'und' when the name does not say. */
  readonly language: string
  /** Words of the name that are neither a language nor a flag. */
  readonly title: string
  readonly forced: boolean
  /** For the deaf: sounds are written out as well. */
  readonly forDeaf: boolean
  readonly isDefault: boolean
}

/** Whether an object is subtitles and no video. */
export function isSidecar(key: string): boolean {
  return /\.(srt|vtt)$/i.test(key)
}

/** What the keys of a source's sidecars begin with: the source's own key up to its ending, with the point. */
export function sidecarPrefix(sourceKey: string): string {
  return `${stemOf(sourceKey)}.`
}

/** Those of the keys under sidecarPrefix that are this source's: `a.en.srt` is no longer when there is an `a.en.mp4`. */
export function sidecarsOf(sourceKey: string, keys: readonly string[]): string[] {
  const prefix = sidecarPrefix(sourceKey)
  const others = keys
    .filter((key) => !isSidecar(key))
    .map(sidecarPrefix)
    .filter((other) => other.length > prefix.length)
  return keys.filter((key) => {
    if (
      !isSidecar(key) ||
      key === sourceKey ||
      !key.startsWith(prefix) ||
      key.slice(prefix.length).includes('/')
    )
      return false
    return !others.some((other) => key.startsWith(other))
  })
}

/** Words of a name that say something; "hi" is Hindi unless the language has been named already. */
const flags: Readonly<Record<string, 'forced' | 'forDeaf' | 'isDefault'>> = {
  forced: 'forced',
  sdh: 'forDeaf',
  cc: 'forDeaf',
  hi: 'forDeaf',
  default: 'isDefault',
}

/** Reads the words between the source's name and the ending. Never throws. */
export function readSidecarName(sourceKey: string, key: string): SidecarName {
  const words = key.slice(sidecarPrefix(sourceKey).length).split('.')
  const format = words.pop()!.toLowerCase() === 'vtt' ? 'vtt' : 'srt'
  const named = { language: 'und', title: '', forced: false, forDeaf: false, isDefault: false }
  const rest: string[] = []
  for (const word of words) {
    const flag = flags[word.toLowerCase()]
    const language = named.language === 'und' ? languageTag(word.replaceAll('_', '-')) : 'und'
    if (flag !== undefined && !(word.toLowerCase() === 'hi' && named.language === 'und')) named[flag] = true
    else if (language !== 'und') named.language = language
    else rest.push(word)
  }
  return { ...named, format, title: oneLine(rest.join(' ')) }
}

/** "eng", "fre" or "en-US" as BCP 47 ("en", "fr", "en-US"); 'und' for nothing and for nonsense. */
export function languageTag(text: string): string {
  if (!/^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$/.test(text)) return 'und'
  try {
    return Intl.getCanonicalLocales(text)[0] ?? 'und'
  } catch {
    return 'und'
  }
}

/** A title is the uploader's text: one line, no markup, at most 80 characters. */
export function oneLine(text: string): string {
  return text
    .replace(/[^\p{L}\p{N}\p{P}\p{Zs}]|["<>]/gu, ' ')
    .replace(/\s+/g, ' ')
    .trim()
    .slice(0, 80)
    .toWellFormed()
}

function stemOf(key: string): string {
  return key.replace(/(?<=[^/])\.[^./]*$/, '')
}
