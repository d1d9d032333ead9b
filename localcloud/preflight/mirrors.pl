# Runs on the host where Python is missing: which package mirrors answer? Same questions and answers
# as mirrors.py. perl-base has no TLS: an https server is only asked to open a connection.
use strict; use warnings; use IO::Socket::IP;
my (%set, @try, $ca);
while (<STDIN>) {
  chomp; my ($key, $value) = split / /, $_, 2;
  last if $key eq "ca";
  if ($key eq "try") { push @try, [split / /, $value, 2] } else { $set{$key} = $value // "" }
}
$| = 1;
my $begin = time;
my %child;
for my $one (@try) {
  my $pid = fork() // next;
  if ($pid) { $child{$pid} = $one; next }
  my ($kind, $url) = @$one;
  my ($scheme, $login, $host, $port, $path) =
    $url =~ m{^(https?)://(?:([^/@]*)@)?(\[[^\]]+\]|[^/:]+)(?::(\d+))?(/.*)?$} or exit 3;
  $port //= $scheme eq "https" ? 443 : 80; $path //= "/"; $host =~ tr/[]//d;
  my $proxy = $set{"${scheme}_proxy"} || ($kind =~ /^apt/ && $set{"apt_${scheme}_proxy"}) || "";
  $proxy = "" if grep { $_ ne "" && $host =~ /(^|\.)\Q$_\E$/ } map { s/^\.//r } split /[, ]+/, $set{no_proxy} // "";
  my ($to, $at) = $proxy ? $proxy =~ m{^(?:\w+://)?(?:[^/@]*@)?([^/:]+)(?::(\d+))?} : ($host, $port);
  alarm 8; # unhandled on purpose: it also ends a hanging name lookup
  my $socket = IO::Socket::IP->new(PeerHost => $to, PeerPort => $at // 3128, Type => SOCK_STREAM);
  my $error = $@ || "$!";
  my ($result, $detail) = ("ok", "");
  if (!$socket) {
    $result = $error =~ /refused/ ? "refused" : $error =~ /not known|resol|No address/i ? "dns" : "route";
    ($result, $detail) = ($proxy ? "proxy" : $result, $error);
  } elsif ($scheme eq "http" || $proxy) {
    my $name = $host =~ /:/ ? "[$host]" : $host;
    print $socket $scheme eq "https" ? "CONNECT $name:$port HTTP/1.1\r\nHost: $name:$port\r\n\r\n"
      : "GET " . ($proxy ? "http://$name:$port$path" : $path) . " HTTP/1.1\r\nHost: $name\r\nUser-Agent: localcloud-check\r\nConnection: close\r\n\r\n";
    my $answer = <$socket> // "";
    my ($code, $words) = $answer =~ m{^HTTP/\S+ (\d+)\s*([^\r\n]*)};
    ($result, $detail) = ("other", "no HTTP") unless $code;
    ($result, $detail) = ($code == 407 || $scheme eq "https" ? "proxy" : "http", "$code $words")
      if $code && $code >= 400;
  } else { $detail = "TLS not checked" }
  printf "mirror=%s %s %d %s %s\n", $kind, $result, time - $begin, $url, $detail;
  exit 0;
}
while ((my $pid = wait) > 0) {
  next unless $? && $child{$pid};
  printf "mirror=%s %s %d %s\n", $child{$pid}[0], ($? & 127) == 14 ? "timeout" : "other", time - $begin, $child{$pid}[1];
}
