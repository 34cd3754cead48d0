@main struct Omnitool { static func main() {} }
