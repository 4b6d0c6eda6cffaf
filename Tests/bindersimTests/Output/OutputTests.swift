import Testing

@testable import bindersim

@Suite(.timeLimit(.minutes(5))) struct OutputTests {
  @Test(arguments: [
    (0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567"), (-1234, "-1,234"),
    (Int.min, "-9,223,372,036,854,775,808"),
  ])
  func grouped(_ value: Int, _ text: String) { #expect(Format.grouped(value) == text) }

  @Test(arguments: [
    (0, "0 B"), (10_239, "10,239 B"), (10_240, "10.0 KiB"), (1 << 20, "1.0 MiB"),
    (3 << 29, "1.5 GiB"), (1_048_575, "1,024.0 KiB"),
  ])
  func bytes(_ value: Int, _ text: String) { #expect(Format.bytes(value) == text) }

  @Test(arguments: [
    (UInt64(0), "0 ns"), (999, "999 ns"), (1000, "1.0 µs"), (1949, "1.9 µs"), (1950, "2.0 µs"),
    (7_970_000, "8.0 ms"), (5_000_000_000, "5.0 s"),
  ])
  func times(_ value: UInt64, _ text: String) { #expect(Format.time(nanoseconds: value) == text) }

  @Test func rates() {
    #expect(Format.rate(714, in: 1_000_000_000) == 714)
    #expect(Format.rate(1, in: 3) == 333_333_333)
    #expect(Format.rate(5, in: 0) == 0)
    #expect(Format.rate(.max, in: 1) == .max)
    #expect(Format.rate(1 << 40, in: 1 << 40) == 1_000_000_000)
  }

  @Test func tablesLineUp() {
    var table = Table(["name", "count", "x"])
    table.add(["a", "1,000", "2"])
    table.add(["longer", "5"])
    #expect(
      table.text(indent: "  ") == """
          name    count  x
          a       1,000  2
          longer      5

        """)
  }

  @Test func progressIsForTerminalsAndNotTooOften() {
    var shown: [String] = []
    let terminal = Terminal(isInteractive: true, term: "xterm", noColor: nil)
    do {
      var progress = Progress(terminal: terminal) { shown.append($0) }
      for now in [0, 50_000_000, 99_999_999, 100_000_000, 150_000_000] as [UInt64] {
        progress.show(now: now) { "at \(now)" }
      }
      #expect(shown == ["\r\u{1B}[Kat 0", "\r\u{1B}[Kat 100000000"])
    }
    #expect(shown.last == "\r\u{1B}[K")
  }

  @Test func aTableFits() {
    var table = Table(["name", "first", "second", "third"], leastImportant: ["first"])
    table.add(["a", "1", "22", "333"])
    #expect(
      table.text(columns: 25)
        == """
        name  second  third
        a         22    333
        (--wide: first)

        """)
    #expect(table.text(columns: 18).hasPrefix("name  second\na         22\n"))
    #expect(table.text(columns: 3).hasPrefix("name\na\n"), "the first column stays")
    #expect(!table.text().contains("--wide"))
  }

  @Test func progressFitsItsTerminal() {
    var shown: [String] = []
    var terminal = Terminal(isInteractive: true, term: "xterm", noColor: nil)
    terminal.columns = 40
    do {
      var progress = Progress(terminal: terminal) { shown.append($0) }
      progress.show(now: 0) { String(repeating: "x", count: 200) }
    }
    #expect(shown.first == "\r\u{1B}[K" + String(repeating: "x", count: 39))
  }

  @Test func progressIsSilentElsewhere() {
    var narrow = Terminal(isInteractive: true, term: "xterm", noColor: nil)
    narrow.columns = 39
    for terminal in [
      Terminal(isInteractive: false, term: "xterm", noColor: nil),
      Terminal(isInteractive: true, term: "dumb", noColor: nil), narrow,
    ] {
      var progress = Progress(terminal: terminal) { _ in Issue.record("shown") }
      progress.show(now: 0) { "line" }
      progress.clear()
    }
  }

  @Test func coloursAreForTerminalsWithoutNoColor() {
    #expect(Terminal(isInteractive: true, term: "xterm", noColor: nil).hasColor)
    #expect(Terminal(isInteractive: true, term: "xterm", noColor: "").hasColor)
    #expect(!Terminal(isInteractive: true, term: "xterm", noColor: "1").hasColor)
    #expect(!Terminal(isInteractive: false, term: "xterm", noColor: nil).hasColor)
    #expect(!Terminal(isInteractive: true, term: "dumb", noColor: nil).hasColor)
    let plain = Terminal(isInteractive: false, term: nil, noColor: nil)
    #expect(plain.bold("text") + plain.red("text") == "texttext")
  }
}
