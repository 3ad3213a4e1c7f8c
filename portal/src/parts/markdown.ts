/** Markdown as the pages of causes are written in it; whatever else it may have stays text. */
export type Block =
  | { readonly kind: 'heading'; readonly level: number; readonly text: string }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'code'; readonly text: string }
  | { readonly kind: 'list'; readonly ordered: boolean; readonly items: readonly string[] }
  | { readonly kind: 'table'; readonly head: readonly string[]; readonly rows: readonly (readonly string[])[] }

const ITEM = /^(?:[-*]|(\d+)\.)\s+(.*)$/

export function blocksIn(text: string): readonly Block[] {
  const lines = text.split('\n')
  const found: Block[] = []
  let at = 0
  const line = () => lines[at] ?? ''
  while (at < lines.length) {
    const heading = /^(#{1,4})\s+(.*)$/.exec(line())
    if (!line().trim()) at += 1
    else if (heading) {
      found.push({ kind: 'heading', level: heading[1]?.length ?? 1, text: heading[2] ?? '' })
      at += 1
    } else if (line().startsWith('```')) {
      const code: string[] = []
      for (at += 1; at < lines.length && !line().startsWith('```'); at += 1) code.push(line())
      at += 1
      found.push({ kind: 'code', text: code.join('\n') })
    } else if (line().startsWith('|')) {
      const rows: string[][] = []
      for (; line().startsWith('|'); at += 1) rows.push(cellsOf(line()))
      const [head = [], ...rest] = rows
      found.push({ kind: 'table', head, rows: rest.filter((each) => !each.every((cell) => /^:?-+:?$/.test(cell))) })
    } else if (ITEM.test(line())) {
      const items: string[] = []
      const ordered = /^\d/.test(line())
      for (; at < lines.length && line().trim() && !/^#/.test(line()); at += 1) {
        const item = ITEM.exec(line())
        if (item) items.push(item[2] ?? '')
        else items.push(`${items.pop() ?? ''} ${line().trim()}`)
      }
      found.push({ kind: 'list', ordered, items })
    } else {
      const said: string[] = []
      for (; at < lines.length && line().trim() && !/^(#|```|\|)/.test(line()) && !ITEM.test(line()); at += 1) said.push(line().trim())
      found.push({ kind: 'text', text: said.join(' ') })
    }
  }
  return found
}

/** Cells of a row; `\|` is no end of one. */
function cellsOf(line: string): string[] {
  return line
    .replace(/^\||\|\s*$/g, '')
    .split(/(?<!\\)\|/)
    .map((each) => each.trim().replaceAll('\\|', '|'))
}

export type Piece = { readonly kind: 'plain' | 'code' | 'strong'; readonly text: string }

/** Code and what is stressed in a line; of a link its words. */
export function piecesOf(text: string): readonly Piece[] {
  const found: Piece[] = []
  let from = 0
  for (const each of text.matchAll(/`([^`]+)`|\*\*([^*]+)\*\*|\[([^\]]+)\]\([^)]*\)/g)) {
    if (each.index > from) found.push({ kind: 'plain', text: text.slice(from, each.index) })
    if (each[1] !== undefined) found.push({ kind: 'code', text: each[1] })
    else if (each[2] !== undefined) found.push({ kind: 'strong', text: each[2] })
    else found.push({ kind: 'plain', text: each[3] ?? '' })
    from = each.index + each[0].length
  }
  if (from < text.length) found.push({ kind: 'plain', text: text.slice(from) })
  return found
}
