/// Finds the name that was probably meant.
enum Nearest {
  /// The candidate with the fewest slips from `word`, if they are few for its length.
  static func match(_ word: String, among candidates: [String]) -> String? {
    let ranked = candidates.map { (name: $0, slips: distance(word, $0)) }
    guard let best = ranked.min(by: { $0.slips < $1.slips }) else { return nil }
    return best.slips <= max(1, word.count / 3) ? best.name : nil
  }

  /// Letters to insert, drop, replace, or swap with their neighbour, to get from `a` to `b`.
  static func distance(_ a: String, _ b: String) -> Int {
    let a = Array(a)
    let b = Array(b)
    var rows = [Array(0...b.count)]
    for i in 0..<a.count {
      var row = [i + 1]
      for j in 0..<b.count {
        var cost = min(rows[i][j] + (a[i] == b[j] ? 0 : 1), rows[i][j + 1] + 1, row[j] + 1)
        if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] {
          cost = min(cost, rows[i - 1][j - 1] + 1)
        }
        row.append(cost)
      }
      rows.append(row)
    }
    return rows[a.count][b.count]
  }
}
