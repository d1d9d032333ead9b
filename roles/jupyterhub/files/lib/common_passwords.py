"""Passwords that many people choose in Spanish, beside NativeAuthenticator's own list.

That list holds whole passwords, mostly English ones. Here a word counts with what people add to it:
capitals, missing accents, and numbers or signs behind it (``Contraseña2026!``).
"""

import unicodedata

# Without accents and blanks, in lower case; only what is long enough to be asked for, or nearly.
_LIST = """
contrasena contrasenas micontrasena lacontrasena unacontrasena nuevacontrasena contrasenasegura
contrasenanueva micontrasenasegura contrasenacontrasena miclave clave claveclave clavesegura
laclave claves secreto secreta secretos misecreto
universidad launiversidad miuniversidad facultad estudiante estudiantes soyestudiante profesor
profesora profesores alumno alumna alumnos administrador administradora administracion admin
biblioteca laboratorio matematica matematicas fisica quimica biologia computacion computadora
informatica ingenieria medicina cuaderno cuadernos servidor
bienvenido bienvenida bienvenidos bienvenidas hola holahola holamundo holamundohola buenosdias
teamo teamomucho teamomuchisimo teamoamor teamomiamor amor amorcito amoramor miamor amoreterno
mivida micorazon corazon corazones corazoncito estrella estrellita mariposa mariposas princesa
princesas princesita princesito bonita hermosa hermoso preciosa chiquita chiquito chiquitita
carino cielo angelito angeles felicidad esperanza libertad amistad sonrisa alegria
familia mifamilia mimama mipapa mama papa hermanos hermanas hijos mishijos misamores
futbol elfutbol barcelona realmadrid bocajuniors riverplate penarol nacional campeon campeones
argentina mexico colombia venezuela ecuador bolivia paraguay uruguay guatemala honduras
nicaragua elsalvador costarica republicadominicana puertorico vivamexico vivaargentina
espana peru chile cuba panama
alejandro alejandra fernando fernanda guadalupe francisco francisca cristina sebastian valentina
santiago gabriela rodriguez fernandez gonzalez hernandez martinez sanchez
dragon mariposita superman tequiero tequieromucho tequieroamor tequieromuchisimo noteolvides
nomeolvides quetimporta queteimporta nolose nosenose olvidemiclave olvidada jesucristo
jesusteama diosesamor dioses diosmio amordedios virgenmaria diostebendiga
chocolate guitarra tamarindo primavera verano invierno septiembre noviembre diciembre febrero
miercoles domingo unodostres unodostrescuatro cambiame cambiarme cambiar temporal temporales
prueba pruebas pruebaprueba ejemplo usuario usuarios invitado invitados
"""
WORDS = frozenset(_LIST.split())


def is_common(password: str) -> bool:
    """True if nothing is left of the password but one of these words, or twice the same one."""
    letters = unicodedata.normalize("NFKD", password.lower())
    plain = "".join(sign for sign in letters if sign.isalnum())
    word = plain.strip("0123456789")
    return word in WORDS or (word[: len(word) // 2] * 2 == word and word[: len(word) // 2] in WORDS)


def add_to(authenticator: type) -> None:
    """Have a NativeAuthenticator refuse these, too, wherever it asks whether one is common."""
    own = authenticator.is_password_common

    def is_password_common(self, password):
        return is_common(password) or own(self, password)

    authenticator.is_password_common = is_password_common
