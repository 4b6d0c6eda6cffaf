@testable import bindersim

/// The bytes are a log, a dump, or anything else that `explain` reads line by line: what they tell
/// is put into words, and the words do not depend on how the bytes are cut.
func fuzzEvidence(_ bytes: [UInt8]) throws {
  let first = Evidence(lines: bytes, name: "fuzz")
  let explanation = Explanation(first, ReplayOptions(path: ""))
  let text = ExplainText.text(explanation)
  _ = ExplainPage.page(explanation).html
  let again = Evidence(lines: bytes, name: "fuzz", chunk: 7)
  let other = Explanation(again, ReplayOptions(path: ""))
  try require(ExplainText.text(other), text, "the explanation, read in pieces")
  for region in explanation.regions {
    let layout = region.layout
    try require(
      layout.holes.allSatisfy { $0.size > 0 && $0.end <= layout.end }, "a hole beyond the end")
    if layout.overlaps == 0, layout.unplaced == 0, let free = layout.free,
      let length = layout.regionLength,
      layout.end <= length
    {
      try require(layout.allocated + free, length, "allocated and free are the region")
    }
  }
}

/// The bytes are a zip archive: every entry is read to its end, or refused with a reason.
func fuzzArchive(_ bytes: [UInt8]) throws {
  guard let archive = try? ZipArchive(RandomAccessBytes(bytes: bytes), path: "fuzz") else { return }
  for entry in archive.entries.prefix(64) {
    guard let source = try? archive.source(of: entry) else { continue }
    var read = 0
    while read < 1 << 20, let chunk = try? source.bytes(atMost: 4096), !chunk.isEmpty {
      read += chunk.count
    }
  }
}
