import { parted } from '../words/names'

/** A name of which both ends are seen: one that is too long is cut in between, for names of a family differ at their end. */
export function Name({ of }: { of: string }) {
  const [begin, end] = parted(of)
  return (
    <span className="name" title={of}>
      <span style={{ maxWidth: `calc(100% - ${end.length}ch)` }}>{begin}</span>
      {end}
    </span>
  )
}
