internal import Glibc

/// What this program holds of the system, taken while all threads rest and nothing is under way.
struct SoakSample: Equatable {
  /// Seconds since the start.
  var time = 0
  var transactions = 0
  /// Bytes of memory that the program has in RAM.
  var resident = 0
  /// Without those of exported regions.
  var descriptors = 0
  var mappings = 0
  /// Mappings of regions, those among `mappings`.
  var regionMappings = 0

  mutating func measure() {
    resident = Self.residentPages() * Int(sysconf(CInt(_SC_PAGESIZE)))
    descriptors = Self.openDescriptors()
    (mappings, regionMappings) = Self.mapped()
  }

  private static func residentPages() -> Int {
    guard let file = unsafe fopen("/proc/self/statm", "r") else { return 0 }
    defer { unsafe fclose(file) }
    var line = [CChar](repeating: 0, count: 256)
    guard unsafe fgets(&line, CInt(line.count), file) != nil else { return 0 }
    let text = String(decoding: line.prefix { $0 > 0 }.map { UInt8($0) }, as: UTF8.self)
    let fields = text.split(separator: " ")
    return fields.count > 1 ? Int(fields[1]) ?? 0 : 0
  }

  private static func openDescriptors() -> Int {
    guard let directory = unsafe opendir("/proc/self/fd") else { return 0 }
    defer { unsafe closedir(directory) }
    // Not counted: `.`, `..` and the directory itself.
    var count = -3
    while unsafe readdir(directory) != nil { count += 1 }
    return count
  }

  private static func mapped() -> (all: Int, regions: Int) {
    guard let file = unsafe fopen("/proc/self/maps", "r") else { return (0, 0) }
    defer { unsafe fclose(file) }
    var line = [CChar](repeating: 0, count: 4096)
    var (all, regions) = (0, 0)
    while unsafe fgets(&line, CInt(line.count), file) != nil {
      all += 1
      if unsafe strstr(line, "/memfd:") != nil { regions += 1 }
    }
    return (all, regions)
  }
}

/// Decides whether what is held stays flat.
struct SoakTrend {
  /// Samples in which threads, allocator and tables may still grow.
  static let warmUp = 8
  /// RAM may swing by so much: the allocator keeps freed memory as it likes.
  static let slack = 16 << 20
  private static let mappingSlack = 64

  private var count = 0
  private var highest = SoakSample()

  /// What has grown beyond what it was while warming up, in words; nil when all is flat.
  mutating func growth(in sample: SoakSample) -> String? {
    count += 1
    guard count > Self.warmUp else {
      highest.resident = max(highest.resident, sample.resident)
      highest.descriptors = max(highest.descriptors, sample.descriptors)
      highest.mappings = max(highest.mappings, sample.mappings)
      return nil
    }
    if sample.resident > highest.resident + Self.slack {
      return "memory grew from \(Format.bytes(highest.resident)) to "
        + Format.bytes(sample.resident)
    }
    if sample.descriptors > highest.descriptors {
      return "descriptors grew from \(highest.descriptors) to \(sample.descriptors)"
    }
    if sample.mappings > highest.mappings + Self.mappingSlack {
      return "mappings grew from \(highest.mappings) to \(sample.mappings)"
    }
    return nil
  }
}
