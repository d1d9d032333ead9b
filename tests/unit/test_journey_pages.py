"""The pages of JupyterHub 5.5.4 and NativeAuthenticator 1.3.0, recorded and shortened."""

from localcloud.journey.pages import Page, event_source, hub_base

LOGIN = """<!DOCTYPE HTML><html><head><script>
  window.jhdata = { base_url: "/jupyter/hub/", prefix: "/jupyter/", xsrf_token: "abc" };
</script></head><body><div id="login-main" class="container">
<form action="/jupyter/hub/login?next=%2Fjupyter%2Fhub%2F" method="post" role="form">
  <p id='insecure-login-warning' class='hidden'>Warning: <br> unsecured HTTP connection.</p>
  {error}
  <input type="hidden" name="_xsrf" value="MnwxOj&amp;x"/>
  <label for="username_input">Username:</label>
  <input id="username_input" type="text" name="username" val="" required />
  <input id="password_input" type="password" name="password" val="" />
  <input type="checkbox" name="remember"><input type="submit" name="go" value="Sign In">
</form></div></body></html>"""

PENDING = """<div id="progress-log"></div><script>require(["jquery"], function($) {
  var evtSource = new EventSource("/hub/api/users/ana/server/progress?a=1&amp;_xsrf=abc");
});</script>"""

ERROR = """<div class="error"><h1>500 : Internal Server Error</h1>
<p>Unhandled error starting server ana</p><p>You can try <a href="/hub/home">again</a></p></div>
<footer>Somewhere else</footer>
<div class="modal fade" id="error-dialog"><div class="ajax-error error">The error</div></div>"""

OPTIONS = """<p class="spawn-error-msg alert alert-danger">Error: no such profile</p>
<form enctype="multipart/form-data" id="spawn_form" action="/hub/spawn/ana?_xsrf=t" method="post">
<input type="radio" name="profile" value="small" checked>
<input type="radio" name="profile" value="big">
<select name="image"><option value="r">R</option><option value="py" selected>Python</option>
</select><select name="cpu"><option value="1">one</option><option value="2">two</option></select>
<textarea name="note"></textarea><input type="text" name="extra" value="7" disabled>
<button type="submit">Start</button></form>"""


def test_login_form_is_found_with_its_own_names_and_hidden_token() -> None:
    form = Page(LOGIN).login_form
    assert form is not None
    assert form.action == "/jupyter/hub/login?next=%2Fjupyter%2Fhub%2F"
    user, password = form.field_of("text"), form.field_of("password")
    assert user is not None and password is not None
    assert form.values({user.name: "ana", password.name: "s"}) == [
        ("_xsrf", "MnwxOj&x"),
        ("username", "ana"),
        ("password", "s"),
    ]


def test_hub_base_is_read_from_the_page() -> None:
    assert hub_base(Page(LOGIN)) == "/jupyter/hub/"


def test_what_a_refused_login_says_is_found() -> None:
    said = Page(LOGIN.replace("{error}", '<p class="login_error">Invalid password</p>')).error
    assert said == "Invalid password"
    assert Page(LOGIN).error == ""


def test_progress_address_of_a_starting_server() -> None:
    address = event_source(Page(PENDING))
    assert address == "/hub/api/users/ana/server/progress?a=1&_xsrf=abc"
    assert event_source(Page(LOGIN)) is None


def test_error_page_gives_its_own_words_only() -> None:
    said = Page(ERROR).error
    assert "500 : Internal Server Error Unhandled error starting server ana" in said
    assert "Somewhere else" not in said
    assert "The error" not in said  # the dialogue that no page shows by itself


def test_options_form_sends_what_a_browser_would_send_untouched() -> None:
    page = Page(OPTIONS)
    assert page.spawn_form is not None and page.spawn_form.multipart
    assert page.spawn_form.values({}) == [
        ("profile", "small"),
        ("image", "py"),
        ("cpu", "1"),
        ("note", ""),
    ]
    assert page.error == "Error: no such profile"
