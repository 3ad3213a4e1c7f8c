/** Which row of a list is marked: by its key, for where it stands changes as rows come and go. */
export interface Mark {
  readonly key: string
  /** Where it stood last: from there keys go on once it is gone. */
  readonly at: number
}

/** Where the marked row stands now; -1 where none is, or it is gone. */
export function placeOf(mark: Mark | null, length: number, keyAt: (place: number) => string): number {
  if (!mark) return -1
  if (mark.at < length && keyAt(mark.at) === mark.key) return mark.at
  for (let place = 0; place < length; place += 1) if (keyAt(place) === mark.key) return place
  return -1
}

/** The mark one row further down, or up; on the row that has taken its place where the marked one is gone. */
export function moved(mark: Mark | null, step: 1 | -1, length: number, keyAt: (place: number) => string): Mark | null {
  if (!length) return null
  const place = placeOf(mark, length, keyAt)
  const from = place >= 0 ? place + step : mark ? (step > 0 ? mark.at : mark.at - 1) : step > 0 ? 0 : -1
  const at = Math.max(0, Math.min(length - 1, from))
  return { key: keyAt(at), at }
}
