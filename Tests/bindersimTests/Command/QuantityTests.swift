import Testing

@testable import bindersim

@Suite(.timeLimit(.minutes(5))) struct QuantityTests {
  @Test(arguments: [
    ("4096", 4096), ("4K", 4096), ("4k", 4096), ("4KiB", 4096), ("1016K", 1_040_384),
    ("2M", 2 << 20), ("1.5M", 1_572_864), ("0.5K", 512), ("1G", 1 << 30), ("0", 0), ("7B", 7),
  ])
  func sizes(_ text: String, _ bytes: Int) {
    #expect(ValueSyntax<Int>.size.parse(text) == bytes)
  }

  @Test(arguments: [
    "", "K", "4 K", "-4K", "+4", "4KB", "0.3K", "1..5K", ".5K", "5.", "1e3", "0x10", "٤",
    "9223372036854775808", "9223372036854775807K", "9007199254740992G", "1.0000000000K",
  ])
  func refusedSizes(_ text: String) {
    #expect(ValueSyntax<Int>.size.parse(text) == nil)
  }

  @Test func largestSize() {
    #expect(ValueSyntax<Int>.size.parse("9223372036854775807") == .max)
  }

  @Test(arguments: [
    ("500ms", Duration.milliseconds(500)), ("5s", .seconds(5)), ("2m", .seconds(120)),
    ("1.5s", .milliseconds(1500)), ("1h", .seconds(3600)), ("20us", .microseconds(20)),
    ("0.000000001s", .nanoseconds(1)),
  ])
  func durations(_ text: String, _ duration: Duration) {
    #expect(ValueSyntax<Duration>.duration.parse(text) == duration)
  }

  @Test(arguments: ["", "5", "s", "5 s", "-1s", "5sec", "1.5us5", "9999999999999h"])
  func refusedDurations(_ text: String) {
    #expect(ValueSyntax<Duration>.duration.parse(text) == nil)
  }

  @Test(arguments: [
    ("8", 8), ("10k", 10_000), ("1M", 1_000_000), ("2.5k", 2500), ("1G", 1_000_000_000),
  ])
  func counts(_ text: String, _ count: Int) {
    #expect(ValueSyntax<Int>.count.parse(text) == count)
  }

  @Test(arguments: [
    ("0", UInt64(0)), ("18446744073709551615", .max), ("0xff", 255), ("0xFFFFFFFFFFFFFFFF", .max),
  ])
  func seeds(_ text: String, _ seed: UInt64) {
    #expect(ValueSyntax<UInt64>.seed.parse(text) == seed)
  }

  @Test(arguments: ["-1", "18446744073709551616", "0x", "ff", "1k"])
  func refusedSeeds(_ text: String) {
    #expect(ValueSyntax<UInt64>.seed.parse(text) == nil)
  }

  @Test(arguments: [
    ("1", 1), ("256", 256), ("4K", 1), ("1M", 256), ("4096", 4096), ("8192B", 2), ("0", nil),
    ("5K", nil), ("pages", nil),
  ])
  func budgets(_ text: String, _ pages: Int?) {
    #expect(ValueSyntax<Int>.budget.parse(text) == pages)
  }

  @Test(arguments: [
    ("4K", 4096), ("1016K", 1_040_384), ("4M", 4 << 20), ("0", nil), ("1", nil), ("4097", nil),
    ("4100K", nil), ("8M", nil),
  ])
  func regions(_ text: String, _ bytes: Int?) {
    #expect(ValueSyntax<Int>.region.parse(text) == bytes)
  }

  @Test func lists() {
    #expect(ValueSyntax<Int>.size.list.parse("256K,1M") == [256 << 10, 1 << 20])
    #expect(ValueSyntax<Int>.size.list.parse("256K,") == nil)
    #expect(ValueSyntax<Int>.size.list.parse("") == nil)
  }
}
